/* A small user of SQLite: a table of parts in memory. scripts/real.sh builds it with SQLite's amalgamation. */
#include "sqlite3.h"
#include <stdio.h>
#include <stdlib.h>

static int print_row(void *unused, int n, char **values, char **names)
{
	(void)unused;
	for (int i = 0; i < n; i++)
		printf("%s=%s ", names[i], values[i] ? values[i] : "NULL");
	printf("\n");
	return 0;
}

static int statements; /* how many were run: something to watch */

static void run(sqlite3 *db, const char *sql)
{
	char *error = 0;
	statements++;
	if (sqlite3_exec(db, sql, print_row, 0, &error)) {
		printf("error: %s\n", error);
		exit(3);
	}
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 20000;
	sqlite3 *db;
	if (sqlite3_open(":memory:", &db))
		return 2;
	run(db, "CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT, price REAL, box INTEGER)");
	run(db, "BEGIN");
	for (int i = 0; i < n; i++) {
		char sql[200];
		snprintf(sql, sizeof sql, "INSERT INTO part(name, price, box) VALUES('part %d', %d.%02d, %d)",
			 i * 7919 % n, i % 97, i % 100, i % 13);
		run(db, sql);
	}
	run(db, "COMMIT");
	run(db, "CREATE INDEX by_name ON part(name)");
	run(db, "SELECT box, count(*), round(sum(price), 2) FROM part GROUP BY box ORDER BY 3 DESC LIMIT 3");
	run(db, "SELECT a.name, b.name FROM part a JOIN part b ON a.id = b.id + 1 WHERE a.name LIKE 'part 12%' ORDER BY a.name LIMIT 3");
	run(db, "DELETE FROM part WHERE box = 5");
	run(db, "SELECT count(*) FROM part");
	run(db, "SELECT total FROM part"); /* the bug: there is no such column */
	sqlite3_close(db);
	return 0;
}
