DROP VIEW duplicate_images_report;
DROP VIEW analysis_performance_summary;
DROP VIEW image_analysis_status;
DROP VIEW queue_status_summary;
DROP VIEW user_activity_summary;
