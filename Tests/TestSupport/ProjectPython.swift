import FileSystem
import Glibc

/// The project's Python (`.build-venv`, made by scripts/test.sh; AI_TEAM_TEST_PYTHON names another), which
/// checks our formats with programs that share nothing with ours.
package enum ProjectPython {
    package struct Missing: Error, CustomStringConvertible { package let description: String }

    /// The top directory of the repository.
    package static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    /// The interpreter's path.
    package static func interpreter() throws -> String {
        let named = getenv("AI_TEAM_TEST_PYTHON").map { String(cString: $0) }
        let path = named ?? root + "/.build-venv/bin/python3"
        guard access(path, X_OK) == 0 else {
            throw Missing(
                description: """
                    \(path) is missing. Make it with scripts/test.sh, or with: \
                    python3 -m venv .build-venv && \
                    .build-venv/bin/pip install cryptography==50.0.2 zstandard==0.25
                    """)
        }
        return path
    }
}
