"""What can be done with images: a module per noun, a function per verb."""
