SELECT uninstall_queue('processing_queue');
SELECT install_queue('processing_queue', 'queued', 'processing', 'retrying');

-- What waits already keeps its order, each person's jobs one turn after the other.
UPDATE processing_queue q SET turn = t.turn
FROM (
    SELECT id, row_number() OVER (PARTITION BY user_id, priority ORDER BY created_at, id) AS turn
    FROM processing_queue
    WHERE status NOT IN ('completed', 'cancelled')
) t
WHERE q.id = t.id;
