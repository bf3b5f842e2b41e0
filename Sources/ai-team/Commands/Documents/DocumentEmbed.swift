import ArgumentParser
import Cryptography
import Knowledge
import Vault

/// `kb embed`.
struct DocumentEmbed: Command {
    static let configuration = CommandConfiguration(
        commandName: "embed", abstract: "Make the vectors that are missing.",
        discussion: """
            Which model makes them is a setting: without one they are made here from words and their parts \
            (lexical). embeddings.provider openai asks any OpenAI-compatible server (embeddings.url, \
            embeddings.model), local computes a model of the BERT family in embeddings.folder. When it is \
            interrupted the next call goes on, and until a new model's vectors are whole the old ones are \
            searched.

            EXAMPLES:
              ai-team kb embed --status
              ai-team config embeddings.provider openai
              ai-team config embeddings.url http://127.0.0.1:11434/v1
              ai-team config embeddings.model bge-m3
              ai-team kb embed
              ai-team kb embed --login --secret-file key.txt
            """)

    @Flag(help: "Only say how far they are.") var status = false
    @Flag(help: "Make all of them anew.") var reembed = false
    @Flag(help: "Keep the endpoint's key, encrypted in the vault.") var login = false
    @Option(help: ArgumentHelp("With --login: read the key from this file's first line.", valueName: "file"))
    var secretFile: String?
    @Flag(help: "Forget the endpoint's key.") var logout = false
    @OptionGroup(title: "Global options") var global: GlobalOptions

    func validate() throws {
        if [status, reembed, login, logout].filter(\.self).count > 1 {
            throw ValidationError("choose one of --status, --reembed, --login and --logout")
        }
        if secretFile != nil, !login { throw ValidationError("--secret-file belongs to --login") }
    }

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        if login || logout { return try keep(login ? key() : nil, vault, context) }
        let settings = try EmbeddingSettings(context.configuration())
        if !status { try fill(vault, settings, context) }
        try show(vault, settings, context)
    }

    private func key() throws -> EndpointKey {
        var bytes: [UInt8]
        if let secretFile {
            bytes = try InputFile.secretLine(secretFile)
        } else {
            guard let terminal = Terminal() else {
                throw Failure(
                    .usage, "there is no terminal to ask for the key on",
                    hint: "name a file with --secret-file")
            }
            bytes = try terminal.askSecret("Key of the embedding endpoint: ")
        }
        return try EndpointKey(SecretBytes(wiping: &bytes))
    }

    private func keep(_ key: EndpointKey?, _ vault: Vault, _ context: Context) throws {
        try vault.write { try EmbeddingSettings.setStoredKey(key, $0) }
        context.console.emit({ $0.object { $0.field("has_key", key != nil) } }) {
            [key == nil ? "no key is kept any more" : "kept the key"]
        }
    }

    private func fill(_ vault: Vault, _ settings: EmbeddingSettings, _ context: Context) throws {
        _ = try context.catchUpIndex(vault)
        let embedder = LanguageCount(try context.embedder(settings, vault))
        if let destination = try settings.destination {
            context.console.warn(
                "the text of every passage is sent to \(destination), which reads it in clear")
        }
        let identity = embedder.identity(settings.element)
        if reembed {
            try vault.write { tx in
                if let space = try tx.vectorSpace(identity) { try tx.removeVectorSpace(space) }
            }
        }
        let chunks = try vault.read { try $0.indexCounts().chunks }
        let known = try vault.read { tx in
            try tx.vectorSpace(identity).map { try tx.vectorCount($0) } ?? 0
        }
        let progress = Progress("embedding", console: context.console)
        defer { progress.finish() }
        _ = try VectorFilling(vault, embedder, settings: settings.text, element: settings.element).run {
            progress.update(done: Int64(known + $0), total: Int64(chunks))
        }
        if embedder.others > 0 {
            progress.finish()
            context.console.warn(
                "the model \(embedder.model.model) was made for English, and \(embedder.others) of "
                    + "\(counted(embedder.texts, "passage")) are not English: text search finds those, "
                    + "vectors hardly do (embeddings.languages all, if it knows more)")
        }
    }

    private func show(_ vault: Vault, _ settings: EmbeddingSettings, _ context: Context) throws {
        let (spaces, chunks) = try vault.read { tx in
            (
                try tx.vectorSpaces().map { (space: $0, count: try tx.vectorCount($0)) },
                try tx.indexCounts().chunks
            )
        }
        let destination = try settings.destination
        context.console.emit({ writer in
            writer.object { writer in
                writer.field("provider", settings.provider.rawValue)
                writer.field("destination", destination)
                writer.field("chunks", chunks)
                writer.key("spaces")
                writer.array { writer in
                    for (space, count) in spaces {
                        writer.object {
                            $0.field("provider", space.identity.provider)
                            $0.field("model", space.identity.model)
                            $0.field("dimensions", space.identity.dimensions)
                            $0.field("element", space.identity.element)
                            $0.field("state", space.state.rawValue)
                            $0.field("vectors", count)
                        }
                    }
                }
            }
        }) {
            spaces.map { space, count in
                "\(space.identity.model) (\(space.identity.provider), \(space.identity.dimensions) "
                    + "dimensions): \(count) of \(counted(chunks, "passage"))"
                    + (space.state == .ready ? "" : ", being made")
            } + (spaces.isEmpty ? ["no vectors yet: run `ai-team kb embed`"] : [])
        }
    }
}

/// `kb verify-recall`.
struct DocumentVerifyRecall: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify-recall",
        abstract: "Compare the fast vector search with a comparison of everything.",
        discussion: """
            Asks for the neighbours of 50 stored vectors both ways. Where the codes that the fast search \
            begins with suit the model badly, it looks at more candidates from then on.

            EXAMPLES:
              ai-team kb verify-recall
            """)

    @OptionGroup(title: "Global options") var global: GlobalOptions

    func execute(_ context: Context) throws {
        let vault = try context.vault()
        // What uploads have written is only called whole by the next search.
        let spaces = try vault.read { try $0.vectorSpaces() }
        guard let space = spaces.first(where: { $0.state == .ready }) ?? spaces.first else {
            throw Failure(.notFound, "there are no vectors yet", hint: "run: ai-team kb embed")
        }
        let check = try RecallCheck.run(vault, space)
        let isThorough = check.recall < RecallCheck.sufficient
        try vault.write { try $0.setThorough(isThorough, space) }
        let recall = isThorough ? check.thoroughRecall : check.recall
        context.console.emit({ writer in
            writer.object {
                $0.field("model", space.identity.model)
                $0.field("queries", check.queries)
                $0.field("recall", check.recall)
                $0.field("thorough_recall", check.thoroughRecall)
                $0.field("is_thorough", isThorough)
            }
        }) {
            [
                "\(space.identity.model): \(percent(check.recall)) of the ten nearest found, "
                    + "\(percent(check.thoroughRecall)) with all candidates (\(check.queries) queries)"
            ]
        }
        if recall < RecallCheck.sufficient {
            context.console.warn(
                "the codes suit this model badly: some of its nearest passages are missed; text search is "
                    + "not touched by that")
        }
    }

    private func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}
