drop table job_schedules, jobs, workers;
