package import Vault

/// Which files outside the vault go into a backup.
package struct OutsideSelection: Sendable {
    /// Files and directories as bytes; relative ones against the working directory.
    package var paths: [[UInt8]]
    /// When there are any, only files and links that meet one of them.
    package var include: [PathPattern] = []
    /// What meets one of these is left out, directories with all in them.
    package var exclude: [PathPattern] = []
    /// Whether a path that is not there is noted instead of being an error.
    package var skipsMissing = false
    /// The home, which is left out.
    package var home: String?

    package init(paths: [[UInt8]], home: String? = nil) {
        self.paths = paths
        self.home = home
    }

    func takes(_ path: [UInt8], isDirectory: Bool) -> Bool {
        if exclude.contains(where: { $0.matches(path) }) { return false }
        return isDirectory || include.isEmpty || include.contains { $0.matches(path) }
    }
}
