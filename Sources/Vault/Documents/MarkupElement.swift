/// What an element of HTML does to the text around it.
enum MarkupElement {
    case heading(Int)
    /// A block whose text is nothing more.
    case paragraph
    case item, table, row, cell, code, lineEnd, title
    /// Its content is not shown.
    case invisible
    /// Anything else: it may stand within a word.
    case inline

    static func of(_ name: String) -> MarkupElement { elements[name] ?? .inline }

    private static let elements: [String: MarkupElement] = {
        var elements: [String: MarkupElement] = [
            "h1": .heading(1), "h2": .heading(2), "h3": .heading(3), "h4": .heading(4), "h5": .heading(5),
            "h6": .heading(6), "table": .table, "tr": .row, "td": .cell, "th": .cell, "option": .cell,
            "pre": .code, "listing": .code, "br": .lineEnd, "title": .title, "li": .item, "dt": .item,
            "dd": .item,
        ]
        let blocks = """
            address article aside blockquote body button caption center details dialog div dl fieldset
            figcaption figure footer form head header hgroup hr html legend main menu nav ol optgroup p search
            section select summary tbody textarea tfoot thead ul
            """
        for name in blocks.split(whereSeparator: \.isWhitespace) { elements[String(name)] = .paragraph }
        for name in ["script", "style", "template", "iframe", "noembed", "noframes"] {
            elements[name] = .invisible
        }
        return elements
    }()
}
