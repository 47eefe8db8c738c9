-- Every table by month.
UPDATE tensorzero.zeroproxy_partitioned SET width = 'month';
