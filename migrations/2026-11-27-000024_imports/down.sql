drop table import_templates, import_rows, imports;
