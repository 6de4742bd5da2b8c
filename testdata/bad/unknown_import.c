/* Imports a function that nobody provides. */
__attribute__((import_module("env"), import_name("launch_rocket")))
void launch_rocket(int where);

void _start(void);
void _start(void)
{
	launch_rocket(7);
}
