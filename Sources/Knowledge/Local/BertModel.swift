/// The weights of a model of the BERT family, and its forward pass (Devlin et al. 2018). Several texts go
/// through together, one behind the other and without padding: only attention looks at one text alone.
struct BertModel: Sendable {
    private struct Linear: Sendable {
        let weight: [Float]
        let bias: [Float]
        var inputs: Int { weight.count / bias.count }
    }

    private struct Norm: Sendable {
        let weight: [Float]
        let bias: [Float]
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
    private let positionRows: [Float]
    private let typeRow: [Float]
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
        func linear(_ name: String, _ outputs: Int, _ inputs: Int) throws -> Linear {
            Linear(
                weight: try file.numbers(prefix + name + ".weight", [outputs, inputs]),
                bias: try file.numbers(prefix + name + ".bias", [outputs]))
        }
        func norm(_ name: String) throws -> Norm {
            Norm(
                weight: try file.numbers(prefix + name + ".weight", [c.hidden]),
                bias: try file.numbers(prefix + name + ".bias", [c.hidden]))
        }
        self.configuration = configuration
        self.file = file
        wordName = prefix + "embeddings.word_embeddings.weight"
        positionRows = try file.numbers(
            prefix + "embeddings.position_embeddings.weight", [c.positions, c.hidden])
        typeRow = try file.row(
            0, of: prefix + "embeddings.token_type_embeddings.weight", [c.types, c.hidden])
        embeddingNorm = try norm("embeddings.LayerNorm")
        layers = try (0..<c.layers).map { number in
            let name = "encoder.layer.\(number)."
            let parts = try ["query", "key", "value"].map {
                try linear(name + "attention.self." + $0, c.hidden, c.hidden)
            }
            return Layer(
                attention: Linear(weight: parts.flatMap(\.weight), bias: parts.flatMap(\.bias)),
                attentionOutput: try linear(name + "attention.output.dense", c.hidden, c.hidden),
                attentionNorm: try norm(name + "attention.output.LayerNorm"),
                intermediate: try linear(name + "intermediate.dense", c.intermediate, c.hidden),
                output: try linear(name + "output.dense", c.hidden, c.intermediate),
                outputNorm: try norm(name + "output.LayerNorm"))
        }
    }

    /// The pooled vectors of texts, given as ids below the size of the vocabulary.
    func vectors(_ texts: [[Int]]) throws -> [[Float]] {
        let hidden = configuration.hidden
        var starts = [0]
        for text in texts { starts.append(starts[starts.count - 1] + text.count) }
        var rows = try embeddings(texts)
        for layer in layers {
            let attended = attention(rows, starts, layer)
            add(attended, to: &rows)
            normalise(&rows, layer.attentionNorm)
            var inner = apply(layer.intermediate, to: rows)
            switch configuration.activation {
            case .gelu: StoredBytes.update(&inner, Activations.gelu)
            case .relu: StoredBytes.update(&inner) { $0.replacing(with: 0, where: $0 .< 0) }
            }
            add(apply(layer.output, to: inner), to: &rows)
            normalise(&rows, layer.outputNorm)
        }
        return texts.indices.map { text in
            let first = Array(rows[starts[text] * hidden..<(starts[text] + 1) * hidden])
            guard configuration.pooling == .mean else { return first }
            var sum = first
            for row in starts[text] + 1..<max(starts[text] + 1, starts[text + 1]) {
                for column in 0..<hidden { sum[column] += rows[row * hidden + column] }
            }
            let count = Float(starts[text + 1] - starts[text])
            return sum.map { $0 / count }
        }
    }

    private func embeddings(_ texts: [[Int]]) throws -> [Float] {
        let c = configuration
        var rows: [Float] = []
        rows.reserveCapacity(texts.reduce(0) { $0 + $1.count } * c.hidden)
        for text in texts {
            for (place, id) in text.enumerated() {
                let word = try file.row(id, of: wordName, [c.vocabulary, c.hidden])
                let position = (place + c.firstPosition) * c.hidden
                for column in 0..<c.hidden {
                    rows.append(word[column] + positionRows[position + column] + typeRow[column])
                }
            }
        }
        normalise(&rows, embeddingNorm)
        return rows
    }

    private func apply(_ linear: Linear, to rows: [Float]) -> [Float] {
        let (outputs, inputs) = (linear.bias.count, linear.inputs)
        let count = rows.count / inputs
        var result = [Float](repeating: 0, count: count * outputs)
        blas.multiply(
            m: count, n: outputs, k: inputs, rows, .init(stride: inputs), linear.weight,
            .init(stride: inputs), transposed: true, into: &result, .init(stride: outputs))
        for row in 0..<count {
            for column in 0..<outputs { result[row * outputs + column] += linear.bias[column] }
        }
        return result
    }

    private func attention(_ rows: [Float], _ starts: [Int], _ layer: Layer) -> [Float] {
        let (hidden, width) = (configuration.hidden, configuration.hidden / configuration.heads)
        let all = apply(layer.attention, to: rows)
        var context = [Float](repeating: 0, count: rows.count)
        let scale = 1 / Float(width).squareRoot()
        for (start, end) in zip(starts, starts.dropFirst()) {
            let length = end - start
            var scores = [Float](repeating: 0, count: length * length)
            for head in 0..<configuration.heads {
                func part(_ which: Int) -> BLASLibrary.Part {
                    .init(offset: start * 3 * hidden + which * hidden + head * width, stride: 3 * hidden)
                }
                blas.multiply(
                    m: length, n: length, k: width, alpha: scale, all, part(0), all, part(1),
                    transposed: true, into: &scores, .init(stride: length))
                for row in 0..<length { Activations.softmax(&scores, row * length..<(row + 1) * length) }
                blas.multiply(
                    m: length, n: width, k: length, scores, .init(stride: length), all, part(2),
                    transposed: false, into: &context,
                    .init(offset: start * hidden + head * width, stride: hidden))
            }
        }
        return apply(layer.attentionOutput, to: context)
    }

    private func add(_ other: [Float], to rows: inout [Float]) {
        for place in rows.indices { rows[place] += other[place] }
    }

    /// Each row to mean 0 and variance 1, then scaled and shifted.
    private func normalise(_ rows: inout [Float], _ norm: Norm) {
        let width = configuration.hidden
        for start in stride(from: 0, to: rows.count, by: width) {
            var (sum, squares): (Float, Float) = (0, 0)
            for column in 0..<width { sum += rows[start + column] }
            let mean = sum / Float(width)
            for column in 0..<width {
                let distance = rows[start + column] - mean
                squares += distance * distance
            }
            let factor = 1 / (squares / Float(width) + configuration.epsilon).squareRoot()
            for column in 0..<width {
                let value = (rows[start + column] - mean) * factor
                rows[start + column] = value * norm.weight[column] + norm.bias[column]
            }
        }
    }
}
