# From the end of a program whose last SQL statement is wrong, back to where
# SQLite notices that, and to where the statement before it began.
set confirm off
set pagination off
set width 0
break exit
continue
echo \n-- who says so? back to the last call of sqlite3ErrorMsg:\n
delete
break sqlite3ErrorMsg
reverse-continue
bt 8
delete
echo \n-- and the statement before? back to where the counter changed:\n
watch statements
reverse-continue
reverse-continue
bt 3
kill
