/* What SQLite needs of an operating system when its database is in memory: no files, a clock, numbers that look random. */
#include "sqlite3.h"
#include <string.h>
#include <time.h>

static int no_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out) { (void)v; (void)name; (void)flags; (void)out; f->pMethods = 0; return SQLITE_CANTOPEN; }
static int no_delete(sqlite3_vfs *v, const char *name, int sync) { (void)v; (void)name; (void)sync; return SQLITE_IOERR_DELETE; }
static int no_access(sqlite3_vfs *v, const char *name, int flags, int *out) { (void)v; (void)name; (void)flags; *out = 0; return SQLITE_OK; }
static int same_path(sqlite3_vfs *v, const char *name, int n, char *out) { (void)v; strncpy(out, name, n); return SQLITE_OK; }
static int randomness(sqlite3_vfs *v, int n, char *out) { (void)v; for (int i = 0; i < n; i++) out[i] = (char)(i * 37); return n; }
static int no_sleep(sqlite3_vfs *v, int us) { (void)v; return us; }
static int now(sqlite3_vfs *v, double *out) { (void)v; *out = 2440587.5 + time(0) / 86400.0; return SQLITE_OK; }

static sqlite3_vfs vfs = {
	.iVersion = 1, .szOsFile = sizeof(sqlite3_file), .mxPathname = 64, .zName = "none",
	.xOpen = no_open, .xDelete = no_delete, .xAccess = no_access, .xFullPathname = same_path,
	.xRandomness = randomness, .xSleep = no_sleep, .xCurrentTime = now,
};

int sqlite3_os_init(void) { return sqlite3_vfs_register(&vfs, 1); }
int sqlite3_os_end(void) { return SQLITE_OK; }
