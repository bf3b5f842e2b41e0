#pragma once
// What glibc offers only as a macro, as a variadic function or under _GNU_SOURCE, which Swift can't see.
// _GNU_SOURCE itself must stay undefined here: Swift's Glibc module is built without it, and two views of
// one header (fd_set, for one) are an error in a file that imports both.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

/// Flushes the whole file system that holds `fd`. C: syncfs
static inline int cs_syncfs(int fd) { return (int)syscall(SYS_syncfs, fd); }

/// Turns core dumps and ptrace by other processes off (0) or on (1). C: prctl(PR_SET_DUMPABLE)
static inline int cs_set_dumpable(int on) { return prctl(PR_SET_DUMPABLE, on, 0, 0, 0); }

/// The user, group and process at the other end of a Unix socket. C: getsockopt(SO_PEERCRED)
static inline int cs_peer_credentials(int fd, uid_t *uid, gid_t *gid, pid_t *pid) {
    struct { pid_t pid; uid_t uid; gid_t gid; } peer = {0, 0, 0};
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    if (length != sizeof peer) { errno = EINVAL; return -1; }
    *uid = peer.uid; *gid = peer.gid; *pid = peer.pid;
    return 0;
}

struct sqlite3;
/// Sets a switch of an SQLite connection. C: sqlite3_db_config, which is variadic
static inline int cs_sqlite_switch(struct sqlite3 *database, int option, int on) {
    extern int sqlite3_db_config(struct sqlite3 *, int, ...);
    return sqlite3_db_config(database, option, on, (int *)0);
}
