import CSystem

/// Switches of a connection that SQLite sets by a variadic function.
enum Switch {
    /// Whether the last close checkpoints and removes the log. C: SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE
    static func keepLogOnClose(_ connection: OpaquePointer, _ keeps: Bool) {
        _ = cs_sqlite_switch(connection, 1006, keeps ? 1 : 0)
    }
}
