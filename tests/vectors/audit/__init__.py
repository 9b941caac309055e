"""Published vectors of the audit log's formats, and what makes them."""
