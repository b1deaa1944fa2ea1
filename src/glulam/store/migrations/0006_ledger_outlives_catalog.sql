-- Where records went stays known when the table that they are in is deleted from the catalog, and deleting it does not
-- wait for a cascade over all its files. The number in table_id is then of a table that is no more; ids are not reused.
ALTER TABLE output_file DROP CONSTRAINT output_file_table_id_fkey;
