"""What can be done with people: a module per noun, a function per verb."""
