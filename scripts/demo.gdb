# The session of scripts/demo.sh: from the crash back to its cause.
set pagination off
set width 0
set print null-stop on
set confirm off

echo \n== The session starts at the program's first instruction. Let it run:\n(gdb) continue\n
continue

echo \n== It dies here. The item it was looking at:\n(gdb) print *it\n
print *it

echo \n== The supplier is no pointer: something wrote over it. But what, and when?\n== Watch the field and run BACKWARDS, until it was last changed:\n(gdb) watch -location it->supplier\n
watch -location it->supplier
echo (gdb) reverse-continue\n
reverse-continue

echo \n== Guilty: this line writes past the end of the name. Who asked for it?\n(gdb) backtrace 3\n
backtrace 3
echo (gdb) info locals\n
info locals
echo (gdb) print events\n
print events
echo \n== Three letters too many. Back once more for each, and the pointer is whole:\n(gdb) reverse-continue\n
reverse-continue
echo (gdb) reverse-continue\n
reverse-continue
echo (gdb) print *it->supplier\n
print *it->supplier
echo (gdb) monitor when\n
monitor when
