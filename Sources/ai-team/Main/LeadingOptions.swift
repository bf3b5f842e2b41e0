import ArgumentParser

/// Global options that stand before the subcommand.
///
/// ArgumentParser gives an option to the command that it follows. So the words in front of the last
/// subcommand's name are looked through first, and what is global there is taken out and merged later.
enum LeadingOptions {
    /// Returns the global options found before the leaf's own words, and the words without them.
    /// - Throws: ArgumentParser's usage error for a bad value.
    static func take(
        from words: [String], root: any ParsableCommand.Type
    ) throws -> (GlobalOptions, [String]) {
        var node: any ParsableCommand.Type = root
        var taken: [String] = []
        var kept: [String] = []
        var index = 0
        while index < words.count, !node.configuration.subcommands.isEmpty {
            let word = words[index]
            if GlobalOptions.flags.contains(word) {
                taken.append(word)
            } else if GlobalOptions.valued.contains(word), index + 1 < words.count {
                taken += [word, words[index + 1]]
                index += 1
            } else if GlobalOptions.valued.contains(where: { word.hasPrefix($0 + "=") }) {
                taken.append(word)
            } else if let next = child(word, of: node) {
                node = next
                kept.append(word)
            } else {
                break
            }
            index += 1
        }
        kept += words[index...]
        return (try GlobalOptions.parse(taken), kept)
    }

    private static func child(
        _ name: String, of node: any ParsableCommand.Type
    ) -> (any ParsableCommand.Type)? {
        node.configuration.subcommands.first { candidate in
            candidate._commandName == name || candidate.configuration.aliases.contains(name)
        }
    }
}
