package wasi

// The constructors below keep the table readable: one line is one function, and
// the order of the words is the order of the parameters.

func num(name string) []Param   { return []Param{{Name: name}} }
func num64(name string) []Param { return []Param{{Name: name, Wide: true}} }
func fd(name string) []Param    { return []Param{{Name: name, Kind: KindFD}} }
func flags(name string) []Param { return []Param{{Name: name, Kind: KindFlags}} }
func rights(name string) []Param {
	return []Param{{Name: name, Kind: KindFlags, Wide: true}}
}
func clock(name string) []Param { return []Param{{Name: name, Kind: KindClock}} }
func stamp(name string) []Param { return []Param{{Name: name, Kind: KindTime, Wide: true}} }
func path(name string) []Param  { return counted(name, KindPath) }
func buffer(name string) []Param {
	return counted(name, KindBuffer)
}
func readVec(name string) []Param  { return counted(name, KindReadVec) }
func writeVec(name string) []Param { return counted(name, KindWriteVec) }
func pointer(name string) []Param  { return []Param{{Name: name, Kind: KindPointer}} }
func subscriptions(name string) []Param {
	return []Param{{Name: name, Kind: KindSubscriptions}}
}
func result(name string, size uint32) []Param {
	return []Param{{Name: name, Kind: KindResult, Size: size}}
}

func counted(name string, k Kind) []Param {
	return []Param{{Name: name, Kind: k}, {Name: name + "_len", Kind: KindLen}}
}

// Sizes of the records of the specification, in bytes.
const (
	sizeFdstat       = 24
	sizeFilestat     = 64
	sizePrestat      = 8
	sizeDirent       = 24
	sizeIovec        = 8
	sizeSubscription = 48
	sizeEvent        = 32
)

var table = []*Func{
	define("args_get", effectArgs, pointer("argv"), pointer("argv_buf")),
	define("args_sizes_get", effectSizes, result("argc", 4), result("argv_len", 4)),
	define("environ_get", effectEnviron, pointer("environ"), pointer("environ_buf")),
	define("environ_sizes_get", effectSizes, result("environc", 4), result("environv_len", 4)),
	define("clock_res_get", effectPlain, clock("id"), result("resolution", 8)),
	define("clock_time_get", effectPlain, clock("id"), num64("precision"), result("timestamp", 8)),
	define("fd_advise", effectPlain, fd("fd"), num64("offset"), num64("len"), num("advice")),
	define("fd_allocate", effectPlain, fd("fd"), num64("offset"), num64("len")),
	define("fd_close", effectPlain, fd("fd")),
	define("fd_datasync", effectPlain, fd("fd")),
	define("fd_fdstat_get", effectPlain, fd("fd"), result("stat", sizeFdstat)),
	define("fd_fdstat_set_flags", effectPlain, fd("fd"), flags("flags")),
	define("fd_fdstat_set_rights", effectPlain, fd("fd"), rights("fs_rights_base"), rights("fs_rights_inheriting")),
	define("fd_filestat_get", effectPlain, fd("fd"), result("filestat", sizeFilestat)),
	define("fd_filestat_set_size", effectPlain, fd("fd"), num64("size")),
	define("fd_filestat_set_times", effectPlain, fd("fd"), stamp("atim"), stamp("mtim"), flags("fst_flags")),
	define("fd_pread", effectRead, fd("fd"), readVec("iovs"), num64("offset"), result("nread", 4)),
	define("fd_prestat_get", effectPlain, fd("fd"), result("prestat", sizePrestat)),
	define("fd_prestat_dir_name", effectDirName, fd("fd"), buffer("path")),
	define("fd_pwrite", effectPlain, fd("fd"), writeVec("iovs"), num64("offset"), result("nwritten", 4)),
	define("fd_read", effectRead, fd("fd"), readVec("iovs"), result("nread", 4)),
	define("fd_readdir", effectReaddir, fd("fd"), buffer("buf"), num64("cookie"), result("bufused", 4)),
	define("fd_renumber", effectPlain, fd("fd"), fd("to")),
	define("fd_seek", effectPlain, fd("fd"), num64("offset"), num("whence"), result("newoffset", 8)),
	define("fd_sync", effectPlain, fd("fd")),
	define("fd_tell", effectPlain, fd("fd"), result("offset", 8)),
	define("fd_write", effectPlain, fd("fd"), writeVec("iovs"), result("nwritten", 4)),
	define("path_create_directory", effectPlain, fd("fd"), path("path")),
	define("path_filestat_get", effectPlain, fd("fd"), flags("flags"), path("path"), result("filestat", sizeFilestat)),
	define("path_filestat_set_times", effectPlain, fd("fd"), flags("flags"), path("path"), stamp("atim"), stamp("mtim"), flags("fst_flags")),
	define("path_link", effectPlain, fd("old_fd"), flags("old_flags"), path("old_path"), fd("new_fd"), path("new_path")),
	define("path_open", effectPlain, fd("fd"), flags("dirflags"), path("path"), flags("oflags"),
		rights("fs_rights_base"), rights("fs_rights_inheriting"), flags("fdflags"), result("opened_fd", 4)),
	define("path_readlink", effectReadlink, fd("fd"), path("path"), buffer("buf"), result("bufused", 4)),
	define("path_remove_directory", effectPlain, fd("fd"), path("path")),
	define("path_rename", effectPlain, fd("fd"), path("old_path"), fd("new_fd"), path("new_path")),
	define("path_symlink", effectPlain, path("old_path"), fd("fd"), path("new_path")),
	define("path_unlink_file", effectPlain, fd("fd"), path("path")),
	define("poll_oneoff", effectPoll, subscriptions("in"), pointer("out"), num("nsubscriptions"), result("nevents", 4)),
	defineExit(),
	define("proc_raise", effectPlain, num("sig")),
	define("sched_yield", effectPlain),
	define("random_get", effectRandom, buffer("buf")),
	define("sock_accept", effectPlain, fd("fd"), flags("flags"), result("fd", 4)),
	define("sock_recv", effectRecv, fd("fd"), readVec("ri_data"), flags("ri_flags"), result("ro_datalen", 4), result("ro_flags", 2)),
	define("sock_send", effectPlain, fd("fd"), writeVec("si_data"), flags("si_flags"), result("so_datalen", 4)),
	define("sock_shutdown", effectPlain, fd("fd"), flags("how")),
}

func defineExit() *Func {
	f := define("proc_exit", effectPlain, num("rval"))
	f.HasErrno = false
	return f
}

func define(name string, e effect, params ...[]Param) *Func {
	f := &Func{Name: name, HasErrno: true, effect: e}
	for _, p := range params {
		f.Params = append(f.Params, p...)
	}
	switch e {
	case effectRead, effectRecv, effectReaddir, effectReadlink:
		f.before = true
	}
	for i, p := range f.Params {
		switch p.Kind {
		case KindPath, KindReadVec, KindWriteVec, KindSubscriptions:
			f.inputs = append(f.inputs, i)
		case KindResult:
			f.results = append(f.results, i)
		}
	}
	return f
}
