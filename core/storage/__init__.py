"""All SQL of the project: tables, transactions and the queries over them."""
