/// Rows in aligned columns for people. The widest flexible column gives way when the terminal is narrow.
struct Table {
    private let headings: [String]
    private let flexible: Int
    private var rows: [[String]] = []

    /// - Parameter flexible: the index of the column that is cut when a row is too wide.
    init(_ headings: [String], flexible: Int) {
        self.headings = headings
        self.flexible = flexible
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(\.printable))
    }

    /// The table's lines; `width` columns at most, or as wide as it wants when nil.
    func lines(width: Int?, style: Style) -> [String] {
        var widths = headings.map(\.displayWidth)
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.displayWidth) }
        }
        if let width {
            let excess = widths.reduce(0, +) + 2 * (widths.count - 1) - width
            if excess > 0 { widths[flexible] = max(8, widths[flexible] - excess) }
        }
        let top = style.bold(line(headings, widths))
        return [top] + rows.map { line($0, widths) }
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (column, cell) in cells.enumerated() {
            let shown = cell.truncated(toWidth: widths[column])
            text += shown
            guard column < cells.count - 1 else { break }
            text += String(repeating: " ", count: max(0, widths[column] - shown.displayWidth) + 2)
        }
        return text
    }
}
