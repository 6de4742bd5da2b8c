/*
 * throws.cc - exceptions in C++ on the exception handling of WebAssembly, with as
 * little of a runtime as "throw 42" and "catch (...)" need. The tests find their
 * lines by the comments that start with "at:".
 */
__asm__(".tagtype __cpp_exception i32\n"
	".globl __cpp_exception\n"
	"__cpp_exception:\n");

extern "C" {
char type_of_int __asm__("_ZTIi");
static char object[64];

void *__cxa_allocate_exception(unsigned long) { return object; }

[[noreturn]] void __cxa_throw(void *thrown, void *, void *(*)(void *))
{
	__builtin_wasm_throw(0, thrown);
}

void *__cxa_begin_catch(void *thrown) { return thrown; }

void __cxa_end_catch() {}
}

volatile int sink;

struct Guard {
	int id;
	explicit Guard(int i) : id(i) {}
	~Guard()
	{
		sink = -id; /* at: cleanup */
	}
};

__attribute__((noinline)) int deep(int n)
{
	Guard guard(n);
	if (n == 0)
		throw 42; /* at: throw */
	return deep(n - 1) + n; /* at: deep */
}

__attribute__((noinline)) int attempt(int n)
{
	int result = -1;
	try {
		result = deep(n); /* at: try */
	} catch (...) {
		sink = n; /* at: catch */
	}
	return result; /* at: caught */
}

extern "C" void _start()
{
	sink = attempt(3); /* at: first */
	sink = attempt(2); /* at: second */
	sink = 7; /* at: last */
}
