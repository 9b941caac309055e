"""Pages of people: the door, their password, their second factor."""
