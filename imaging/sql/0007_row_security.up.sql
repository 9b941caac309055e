-- Images, results and the queue of analyses belong to the team: every role reads them.

SELECT share(
    'images', look => '{imaging.view_image}', add => '{imaging.add_image}',
    -- Handing the same bytes in again counts; an analysis moves the status.
    change => '{imaging.change_image,imaging.add_image,imaging.analyse_image}',
    author_column => 'user_id'
);
SELECT share(
    'analysis_results', look => '{imaging.view_analysisresult}', add => '{imaging.analyse_image}',
    change => '{imaging.analyse_image,imaging.change_analysisresult}', author_column => 'user_id'
);
-- Written by archive_analysis_result() alone.
SELECT share('analysis_results_history', look => '{imaging.view_analysisresulthistory}');
SELECT share(
    'analysis_cache', look => '{imaging.view_analysiscacheentry,imaging.analyse_image}',
    add => '{imaging.analyse_image}', change => '{imaging.analyse_image}'
);
SELECT share(
    'processing_queue', look => '{imaging.view_processingjob}', add => '{imaging.analyse_image}',
    -- Archiving an image cancels what waits for it.
    change => '{imaging.change_processingjob,imaging.analyse_image,imaging.change_image,jobs.change_queue}',
    author_column => 'user_id'
);

-- What follows from a change is not a matter of who made it.
ALTER FUNCTION follow_processing_queue() SECURITY DEFINER SET search_path = public, pg_temp;
