/* A library: it exports a function but no _start, so there is nothing to run. */
__attribute__((export_name("twice"))) int twice(int x);
int twice(int x)
{
	return 2 * x;
}
