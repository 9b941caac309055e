DROP FUNCTION share(regclass, text[], text[], text[], text[], text);
DROP FUNCTION keep_author();
DROP FUNCTION confine(regclass, text);
DROP FUNCTION close_rows(regclass);
DROP FUNCTION unconfine(regclass);
