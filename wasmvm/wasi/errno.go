package wasi

import (
	"strconv"
	"strings"
)

// Errno values that decide what a call wrote.
const (
	errnoSuccess = 0
	errnoIO      = 29
)

var errnoNames = [...]string{
	"ESUCCESS", "E2BIG", "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT",
	"EAGAIN", "EALREADY", "EBADF", "EBADMSG", "EBUSY", "ECANCELED", "ECHILD",
	"ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EDEADLK", "EDESTADDRREQ",
	"EDOM", "EDQUOT", "EEXIST", "EFAULT", "EFBIG", "EHOSTUNREACH", "EIDRM",
	"EILSEQ", "EINPROGRESS", "EINTR", "EINVAL", "EIO", "EISCONN", "EISDIR",
	"ELOOP", "EMFILE", "EMLINK", "EMSGSIZE", "EMULTIHOP", "ENAMETOOLONG",
	"ENETDOWN", "ENETRESET", "ENETUNREACH", "ENFILE", "ENOBUFS", "ENODEV",
	"ENOENT", "ENOEXEC", "ENOLCK", "ENOLINK", "ENOMEM", "ENOMSG", "ENOPROTOOPT",
	"ENOSPC", "ENOSYS", "ENOTCONN", "ENOTDIR", "ENOTEMPTY", "ENOTRECOVERABLE",
	"ENOTSOCK", "ENOTSUP", "ENOTTY", "ENXIO", "EOVERFLOW", "EOWNERDEAD", "EPERM",
	"EPIPE", "EPROTO", "EPROTONOSUPPORT", "EPROTOTYPE", "ERANGE", "EROFS",
	"ESPIPE", "ESRCH", "ESTALE", "ETIMEDOUT", "ETXTBSY", "EXDEV", "ENOTCAPABLE",
}

// ErrnoName returns the name of a WASI error number, spelled as C does: 8 is
// "EBADF". Numbers that WASI does not define are shown as "errno 99".
func ErrnoName(errno uint32) string {
	if errno < uint32(len(errnoNames)) {
		return errnoNames[errno]
	}
	return "errno " + strconv.FormatUint(uint64(errno), 10)
}

// ErrnoOf is the opposite of ErrnoName: it knows the names with and without the
// E, in upper and lower case, and the numbers themselves.
func ErrnoOf(name string) (uint32, bool) {
	upper := strings.ToUpper(name)
	for errno, n := range errnoNames {
		if upper == n || upper == n[1:] {
			return uint32(errno), true
		}
	}
	n, err := strconv.ParseUint(name, 10, 16) // an errno is an u16
	return uint32(n), err == nil
}
