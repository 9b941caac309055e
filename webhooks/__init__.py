"""What happens here, told to other systems: signed, at least once, never to an address inside."""
