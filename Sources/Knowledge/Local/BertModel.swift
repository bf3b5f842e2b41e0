/// The weights of a model of the BERT family, and its forward pass (Devlin et al. 2018). Several texts go
/// through together, one behind the other and without padding: only attention looks at one text alone.
struct BertModel: Sendable {
    private struct Linear: Sendable {
        let weight: Matrix
        let bias: Matrix
    }

    private struct Norm: Sendable {
        let weight: Matrix
        let bias: Matrix
    }

    private struct Layer: Sendable {
        /// Query, key and value in one.
        let attention: Linear
        let attentionOutput: Linear
        let attentionNorm: Norm
        let intermediate: Linear
        let output: Linear
        let outputNorm: Norm
    }

    private let configuration: BertConfiguration
    private let blas: BLASLibrary
    private let file: TensorFile
    private let wordName: String
    /// Rows of the positions, each with that of the first type.
    private let positions: Matrix
    private let embeddingNorm: Norm
    private let layers: [Layer]

    /// Reads all weights but the table of words, whose rows are read when they are needed.
    init(_ configuration: BertConfiguration, weights path: String) throws {
        blas = try BLASLibrary.load()
        let file = try TensorFile(path)
        // Some are stored with the name of the model's family before their own.
        let prefix =
            ["", "bert.", "roberta."].first { file.has($0 + "embeddings.word_embeddings.weight") } ?? ""
        let c = configuration
        func vector(_ name: String, _ count: Int) throws -> Matrix {
            Matrix(try file.numbers(prefix + name, [count]), width: count)
        }
        func weight(_ name: String, _ outputs: Int, _ inputs: Int) throws -> [Float] {
            try file.numbers(prefix + name + ".weight", [outputs, inputs])
        }
        func linear(_ name: String, _ outputs: Int, _ inputs: Int) throws -> Linear {
            Linear(
                weight: Matrix(try weight(name, outputs, inputs), width: inputs),
                bias: try vector(name + ".bias", outputs))
        }
        func norm(_ name: String) throws -> Norm {
            Norm(
                weight: try vector(name + ".weight", c.hidden), bias: try vector(name + ".bias", c.hidden))
        }
        self.configuration = configuration
        self.file = file
        wordName = prefix + "embeddings.word_embeddings.weight"
        let type = try file.row(
            0, of: prefix + "embeddings.token_type_embeddings.weight", [c.types, c.hidden])
        var positions = Matrix(
            try file.numbers(prefix + "embeddings.position_embeddings.weight", [c.positions, c.hidden]),
            width: c.hidden)
        positions.update(adding: Matrix(type, width: c.hidden)) { $0 }
        self.positions = positions
        embeddingNorm = try norm("embeddings.LayerNorm")
        layers = try (0..<c.layers).map { number in
            let name = "encoder.layer.\(number)."
            let parts = ["query", "key", "value"].map { name + "attention.self." + $0 }
            return Layer(
                attention: Linear(
                    weight: Matrix(
                        try parts.flatMap { try weight($0, c.hidden, c.hidden) }, width: c.hidden),
                    bias: Matrix(
                        try parts.flatMap { try file.numbers(prefix + $0 + ".bias", [c.hidden]) },
                        width: 3 * c.hidden)),
                attentionOutput: try linear(name + "attention.output.dense", c.hidden, c.hidden),
                attentionNorm: try norm(name + "attention.output.LayerNorm"),
                intermediate: try linear(name + "intermediate.dense", c.intermediate, c.hidden),
                output: try linear(name + "output.dense", c.hidden, c.intermediate),
                outputNorm: try norm(name + "output.LayerNorm"))
        }
    }

    /// What the layers of one pass write, kept for the next.
    struct Workspace {
        fileprivate var rows = Matrix()
        /// Query, key and value.
        fileprivate var attended = Matrix()
        fileprivate var scores = Matrix()
        fileprivate var context = Matrix()
        fileprivate var inner = Matrix()
        fileprivate var output = Matrix()
    }

    /// The pooled vectors of texts, given as ids below the size of the vocabulary.
    func vectors(_ texts: [[Int]], _ space: inout Workspace) throws -> [[Float]] {
        var starts = [0]
        for text in texts { starts.append(starts[starts.count - 1] + text.count) }
        try embed(texts, &space.rows)
        for layer in layers {
            attend(starts, layer, &space)
            multiply(space.context, layer.attentionOutput, &space.output)
            space.rows.add(space.output, layer.attentionOutput.bias)
            normalise(&space.rows, layer.attentionNorm)
            multiply(space.rows, layer.intermediate, &space.inner)
            switch configuration.activation {
            case .gelu: space.inner.update(adding: layer.intermediate.bias, Activations.gelu)
            case .relu:
                space.inner.update(adding: layer.intermediate.bias) { $0.replacing(with: 0, where: $0 .< 0) }
            }
            multiply(space.inner, layer.output, &space.output)
            space.rows.add(space.output, layer.output.bias)
            normalise(&space.rows, layer.outputNorm)
        }
        return zip(starts, starts.dropFirst()).map { start, end in
            switch configuration.pooling {
            case .first: space.rows.numbers(row: start)
            case .mean: space.rows.mean(start..<end)
            }
        }
    }

    private func embed(_ texts: [[Int]], _ rows: inout Matrix) throws {
        let c = configuration
        rows.reshape(rows: texts.reduce(0) { $0 + $1.count }, width: c.hidden)
        var row = 0
        for text in texts {
            for (place, id) in text.enumerated() {
                let word = Matrix(try file.row(id, of: wordName, [c.vocabulary, c.hidden]), width: c.hidden)
                rows.setRow(row, word, 0, plus: positions, place + c.firstPosition)
                row += 1
            }
        }
        normalise(&rows, embeddingNorm)
    }

    /// Products with the weights; the bias is added by whoever goes through them next.
    private func multiply(_ rows: Matrix, _ linear: Linear, _ result: inout Matrix) {
        result.reshape(rows: rows.rows, width: linear.weight.rows)
        blas.multiply(
            m: rows.rows, n: linear.weight.rows, k: rows.width, .init(matrix: rows),
            .init(matrix: linear.weight), transposed: true, into: &result)
    }

    /// Leaves in `context` what the places of each text take from each other.
    private func attend(_ starts: [Int], _ layer: Layer, _ space: inout Workspace) {
        let (hidden, width) = (configuration.hidden, configuration.hidden / configuration.heads)
        multiply(space.rows, layer.attention, &space.attended)
        space.attended.update(adding: layer.attention.bias) { $0 }
        space.context.reshape(rows: space.rows.rows, width: hidden)
        let scale = 1 / Float(width).squareRoot()
        for (start, end) in zip(starts, starts.dropFirst()) {
            let length = end - start
            space.scores.reshape(rows: length, width: length)
            for head in 0..<configuration.heads {
                let first = start * 8 * space.attended.stride + head * width
                func part(_ which: Int) -> BLASLibrary.Part {
                    .init(matrix: space.attended, offset: first + which * hidden)
                }
                blas.multiply(
                    m: length, n: length, k: width, alpha: scale, part(0), part(1), transposed: true,
                    into: &space.scores)
                space.scores.softmax()
                blas.multiply(
                    m: length, n: width, k: length, .init(matrix: space.scores), part(2), transposed: false,
                    into: &space.context, at: start * 8 * space.context.stride + head * width)
            }
        }
    }

    private func normalise(_ rows: inout Matrix, _ norm: Norm) {
        rows.normalise(scale: norm.weight, shift: norm.bias, epsilon: configuration.epsilon)
    }
}
