"""Tables with secrets that only the tests of encryption have."""
