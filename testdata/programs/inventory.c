/*
 * inventory - keeps a small warehouse's stock from a journal.
 *
 * The journal is a text file, one event a line, fields parted by ';':
 *
 *     supplier;CODE;NAME
 *     item;SKU;NAME;QUANTITY;CENTS;SUPPLIER
 *     in;SKU;QUANTITY            goods received
 *     out;SKU;QUANTITY           goods sold
 *     price;SKU;CENTS
 *     rename;SKU;NAME
 *
 * At the end it prints the stock sorted by value, and what is bought from
 * each supplier. This is wrev's demo program: it has one bug on purpose, and
 * it dies of it long after the harm is done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 24
#define SKU_SIZE 8
#define MAX_FIELDS 6

struct supplier {
	char code[SKU_SIZE];
	char name[NAME_SIZE];
	long total;                 /* cents in stock from this supplier */
	struct supplier *next;
};

struct item {
	char sku[SKU_SIZE];
	char name[NAME_SIZE];
	struct supplier *supplier;
	int quantity;
	int cents;
	struct item *next;
};

static struct supplier *suppliers;
static struct item *items;
static int item_count;
static int events;

/* Copies text into a field of the given size, cut to what fits. */
static void copy_field(char *to, const char *from, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = from[i];
	to[i] = 0;
}

static struct supplier *find_supplier(const char *code)
{
	struct supplier *s;

	for (s = suppliers; s; s = s->next)
		if (strcmp(s->code, code) == 0)
			return s;
	return NULL;
}

static struct item *find_item(const char *sku)
{
	struct item *it;

	for (it = items; it; it = it->next)
		if (strcmp(it->sku, sku) == 0)
			return it;
	return NULL;
}

static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	if (!p) {
		fprintf(stderr, "inventory: out of memory\n");
		exit(2);
	}
	return p;
}

static void add_supplier(char **field)
{
	struct supplier *s = allocate(sizeof *s);

	copy_field(s->code, field[1], SKU_SIZE);
	copy_field(s->name, field[2], NAME_SIZE);
	s->next = suppliers;
	suppliers = s;
}

static void add_item(char **field)
{
	struct item *it = allocate(sizeof *it);

	copy_field(it->sku, field[1], SKU_SIZE);
	copy_field(it->name, field[2], NAME_SIZE);
	it->quantity = atoi(field[3]);
	it->cents = atoi(field[4]);
	it->supplier = find_supplier(field[5]);
	it->next = items;
	items = it;
	item_count++;
}

/* Gives an item a new name, with each word's first letter in upper case. */
static void rename_item(struct item *it, const char *name)
{
	char *to = it->name;
	int first = 1;

	while (*name) {
		char c = *name++;
		if (first && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		first = c == ' ';
		*to++ = c; /* the bug: nothing stops at NAME_SIZE */
	}
	*to = 0;
}

/* Parts a line at its semicolons; missing fields are empty strings. */
static int split(char *line, char **field)
{
	int n = 0;

	line[strcspn(line, "\r\n")] = 0;
	while (n < MAX_FIELDS) {
		field[n++] = line;
		line = strchr(line, ';');
		if (!line)
			break;
		*line++ = 0;
	}
	for (int i = n; i < MAX_FIELDS; i++)
		field[i] = "";
	return n;
}

static void apply(char **field)
{
	const char *kind = field[0];
	struct item *it;

	events++;
	if (strcmp(kind, "supplier") == 0) {
		add_supplier(field);
		return;
	}
	if (strcmp(kind, "item") == 0) {
		add_item(field);
		return;
	}
	it = find_item(field[1]);
	if (!it) {
		fprintf(stderr, "inventory: event %d: no item %s\n", events, field[1]);
		return;
	}
	if (strcmp(kind, "in") == 0)
		it->quantity += atoi(field[2]);
	else if (strcmp(kind, "out") == 0)
		it->quantity -= atoi(field[2]);
	else if (strcmp(kind, "price") == 0)
		it->cents = atoi(field[2]);
	else if (strcmp(kind, "rename") == 0)
		rename_item(it, field[2]);
	else
		fprintf(stderr, "inventory: event %d: unknown kind %s\n", events, kind);
}

static void load(const char *path)
{
	char line[160];
	char *field[MAX_FIELDS];
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof line, f))
		if (line[0] != '#' && split(line, field) > 1)
			apply(field);
	fclose(f);
}

static long value(const struct item *it)
{
	return (long)it->quantity * it->cents;
}

static int by_value(const void *a, const void *b)
{
	long va = value(*(struct item *const *)a);
	long vb = value(*(struct item *const *)b);

	return va < vb ? 1 : va > vb ? -1 : 0;
}

static struct item **sorted_items(void)
{
	struct item **table = allocate((size_t)item_count * sizeof *table);
	struct item *it;
	int n = 0;

	for (it = items; it; it = it->next)
		table[n++] = it;
	qsort(table, (size_t)n, sizeof *table, by_value);
	return table;
}

static void print_stock(struct item **table)
{
	long total = 0;

	printf("%d events, %d items\n", events, item_count);
	for (int i = 0; i < item_count; i++) {
		struct item *it = table[i];
		printf("%-8s %6d x %4d.%02d  %.*s\n", it->sku, it->quantity,
		       it->cents / 100, it->cents % 100, NAME_SIZE, it->name);
		total += value(it);
	}
	printf("total %ld.%02ld\n", total / 100, total % 100);
}

static void print_suppliers(struct item **table)
{
	struct supplier *s;

	for (int i = 0; i < item_count; i++) {
		struct item *it = table[i];
		it->supplier->total += value(it);
	}
	for (s = suppliers; s; s = s->next)
		printf("%-8s %8ld.%02ld  %s\n", s->code, s->total / 100, s->total % 100, s->name);
}

int main(int argc, char **argv)
{
	struct item **table;

	if (argc != 2) {
		fprintf(stderr, "usage: inventory JOURNAL\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	load(argv[1]);
	table = sorted_items();
	print_stock(table);
	print_suppliers(table);
	return 0;
}
