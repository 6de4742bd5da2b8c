/*
 * features.c - one program with everything a debugger is asked to show:
 * every kind of type, storage and call. The end-to-end tests find their
 * lines by the comments that start with "at:".
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum color { RED, GREEN = 5, BLUE };

struct point {
	int x, y;
};

struct rect {
	struct point min, max;
	enum color color;
	const char *label;
};

struct flags {
	unsigned ready : 1;
	unsigned mode : 3;
	signed level : 5;
};

union number {
	int32_t i;
	float f;
	uint8_t bytes[4];
};

struct tree {
	int key;
	struct tree *left, *right;
};

typedef int (*operation)(int, int);

int counter = 10;                       /* global */
double ratio = 0.75;
int64_t big = 1234567890123456789LL;
int grid[3][4];
char message[32] = "hello, reverse world";
struct rect frame = {{1, 2}, {30, 40}, BLUE, "frame"};
static unsigned hidden = 7;             /* file static */
static struct tree nodes[8];

static int add(int a, int b)
{
	return a + b; /* at: add */
}

static int multiply(int a, int b)
{
	return a * b; /* at: multiply */
}

static operation operations[] = {add, multiply};

__attribute__((noinline)) int factorial(int n)
{
	if (n <= 1)
		return 1; /* at: factorial base */
	int rest = factorial(n - 1);
	return n * rest; /* at: factorial result */
}

__attribute__((noinline)) double average(double a, float b)
{
	double sum = a + b; /* at: average */
	return sum / 2;
}

__attribute__((noinline)) float halve(float f)
{
	return f / 2; /* at: halve */
}

__attribute__((noinline)) int64_t widen(int32_t small, int64_t large)
{
	int64_t result = large + small; /* at: widen */
	return result;
}

__attribute__((noinline)) struct point translate(struct point p, int dx, int dy)
{
	struct point moved = {p.x + dx, p.y + dy};
	return moved; /* at: translate */
}

__attribute__((noinline)) int sum_array(const int *values, int count)
{
	int sum = 0;
	for (int i = 0; i < count; i++)
		sum += values[i]; /* at: sum loop */
	return sum; /* at: sum result */
}

__attribute__((noinline)) unsigned tick(void)
{
	static unsigned calls = 100; /* function static */
	calls++; /* at: tick */
	hidden += 2;
	return calls;
}

__attribute__((noinline)) void set_counter(int value)
{
	counter = value; /* at: set counter */
}

__attribute__((noinline)) const char *color_name(enum color c)
{
	switch (c) { /* at: switch */
	case RED:
		return "red";
	case GREEN:
		return "green"; /* at: green */
	case BLUE:
		return "blue";
	}
	return "?";
}

static struct tree *insert(struct tree *root, struct tree *node)
{
	if (!root)
		return node; /* at: insert leaf */
	if (node->key < root->key)
		root->left = insert(root->left, node);
	else
		root->right = insert(root->right, node);
	return root;
}

__attribute__((noinline)) int depth(const struct tree *root)
{
	if (!root)
		return 0;
	int left = depth(root->left);
	int right = depth(root->right);
	return 1 + (left > right ? left : right); /* at: depth */
}

__attribute__((noinline)) int apply(operation op, int a, int b)
{
	return op(a, b); /* at: apply */
}

__attribute__((noinline)) uint32_t bits(void)
{
	struct flags flags = {1, 5, -3};
	union number number;
	number.f = 1.5f;
	flags.mode++;
	return (uint32_t)number.i + flags.mode; /* at: bits */
}

__attribute__((noinline)) int strings(char *buffer, int size)
{
	int length = 0;
	for (const char *p = message; *p && length < size - 1; p++)
		buffer[length++] = *p == 'o' ? '0' : *p; /* at: strings loop */
	buffer[length] = 0;
	return length; /* at: strings result */
}

__attribute__((noinline)) int locals(void)
{
	int first = 1;
	int values[5] = {3, 1, 4, 1, 5};
	struct point here = {7, 8};
	for (int i = 0; i < 5; i++) {
		int square = values[i] * values[i];
		first += square; /* at: locals loop */
	}
	here.x += first;
	return here.x + here.y; /* at: locals result */
}

int main(int argc, char **argv)
{
	char buffer[16];
	int keys[] = {50, 20, 70, 10, 30};
	struct tree *root = NULL;
	struct point corner = {3, 4};

	printf("start %d\n", argc); /* at: main start */
	int f = factorial(5); /* at: call factorial */
	double a = average(2.5, 4.5f); /* at: call average */
	float h = halve(3.0f); /* at: call halve */
	int64_t w = widen(-1, big); /* at: call widen */
	corner = translate(corner, 10, 20); /* at: call translate */
	int s = sum_array(keys, 5); /* at: call sum */
	tick(); /* at: first tick */
	unsigned t = tick(); /* at: second tick */
	set_counter(11); /* at: first set */
	set_counter(22); /* at: second set */
	set_counter(33); /* at: third set */
	const char *name = color_name(GREEN); /* at: call color */
	for (int i = 0; i < 5; i++) {
		nodes[i].key = keys[i];
		root = insert(root, &nodes[i]); /* at: call insert */
	}
	int d = depth(root); /* at: call depth */
	int p = apply(operations[1], 6, 7); /* at: call apply */
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 4; j++)
			grid[i][j] = i * 10 + j; /* at: grid */
	uint32_t b = bits();
	int l = strings(buffer, sizeof buffer); /* at: call strings */
	int v = locals(); /* at: call locals */
	frame.min = corner; /* at: frame write */
	ratio *= 3; /* at: ratio */
	printf("%d %g %g %lld %d,%d\n", f, a, (double)h, (long long)w, corner.x, corner.y);
	printf("%d %u %d %s %d %d\n", s, t, counter, name, d, p); /* at: second print */
	printf("%u %s %d %d %g\n", (unsigned)b, buffer, l, v, ratio);
	return (int)(hidden % 10); /* at: main end */
}
