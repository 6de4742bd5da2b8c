/*
 * deep.c - a million calls inside each other, and back.
 */
#define DEPTH 1000000

volatile unsigned bottom;

static unsigned descend(unsigned left, unsigned above)
{
	if (left == 0) {
		bottom = above;
		return above; /* at: bottom */
	}
	unsigned below = descend(left - 1, above + 1); /* at: call */
	return below + (left & 1); /* at: returned */
}

int main(void)
{
	unsigned sum = descend(DEPTH, 0); /* at: main */
	return sum != DEPTH + DEPTH / 2; /* at: done */
}
