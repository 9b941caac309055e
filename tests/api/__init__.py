"""The whole API, asked as strangers, programs and intruders ask it."""
