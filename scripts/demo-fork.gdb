# The session of scripts/demo-fork.sh: back to before the harm, around it, and on.
set pagination off
set width 0
set print null-stop on
set confirm off

echo \n== As in "make demo": to the crash, and back to where the item's supplier was last whole.\n(gdb) continue\n
continue
watch -location it->supplier
echo (gdb) reverse-continue, three times\n
reverse-continue
reverse-continue
reverse-continue
delete
echo \n== The next store is the first that writes past the name's end. Go around it: end the name where it\n== must end, and jump to the line behind the loop. History is not changed: a BRANCH begins here.\n(gdb) set variable to = it->name + 23\n
set variable to = it->name + 23
echo (gdb) jump 124\n
jump 124
echo \n== It ran on, with recorded answers as long as it asked what was recorded, then in a sandbox: a view of\n== your files that nobody else sees. And it ended well, with exit 0. The tree:\n(gdb) monitor branches\n
monitor branches
echo \n== Undo: back to before the change, in the recorded history.\n(gdb) monitor undo\n
monitor undo
maintenance flush dcache
maintenance flush register-cache
echo (gdb) print to - it->name\n
print to - it->name
echo (gdb) continue\n
continue
echo \n== It still dies there. Redo: into the branch again, where it was left.\n(gdb) monitor redo\n
monitor redo
echo (gdb) monitor diff 0 1\n
monitor diff 0 1
