internal import FileSystem
internal import Vault

/// A file of tensors (huggingface.co/docs/safetensors): the length of a JSON header, the header, the numbers.
/// Every length is checked before it is used; tensors are read when they are asked for.
package final class TensorFile: Sendable {
    private static let headerLimit = 16 << 20
    private static let tensorsLimit = 100_000
    private static let partBytes = 4 << 20

    /// How numbers are stored.
    private enum Element: String {
        case float32 = "F32"
        case float16 = "F16"
        case bfloat16 = "BF16"

        var size: Int { self == .float32 ? 4 : 2 }
    }

    private struct Tensor: Sendable {
        let element: Element
        let shape: [Int]
        /// Where its bytes begin in the file.
        let start: Int
    }

    /// A class of its own holds the file, which can't be copied.
    private final class Handle: Sendable {
        let file: File
        init(_ file: consuming File) { self.file = file }
    }

    private let handle: Handle
    private let path: String
    private let tensors: [String: Tensor]

    /// - Throws: `EmbeddingError` for a file that is none, or whose header lies outside of it or contradicts
    ///   itself.
    package init(_ path: String) throws {
        self.path = path
        do {
            handle = Handle(try File.open(path, .read))
            tensors = try Self.tensors(in: handle, path)
        } catch let error as FileError {
            throw EmbeddingError(
                .missing, "\(path): \(error)", hint: "name a folder with the files themselves")
        }
    }

    private static func tensors(in handle: Handle, _ path: String) throws -> [String: Tensor] {
        let size = Int(try handle.file.size())
        guard size >= 8 else { throw malformed(path, "it is too short") }
        let length = try handle.file.read(count: 8, at: 0).reversed().reduce(UInt64(0)) {
            $0 << 8 | UInt64($1)
        }
        guard length <= UInt64(headerLimit), Int(length) <= size - 8 else {
            throw malformed(path, "its header is longer than the file or the limit")
        }
        let header = try handle.file.read(count: Int(length), at: 8)
        return try parse(header, path: path, dataStart: 8 + Int(length), size: size)
    }

    private static func malformed(_ path: String, _ what: String) -> EmbeddingError {
        EmbeddingError(.missing, "\(path) is not a file of tensors: \(what)", hint: "copy the model again")
    }

    private static func parse(
        _ header: [UInt8], path: String, dataStart: Int, size: Int
    ) throws -> [String: Tensor] {
        let members: [(key: String, value: JSONValue)]
        do {
            members = try JSONValue(parsing: header).object?.members ?? []
        } catch let error as VaultError {
            throw malformed(path, error.message)
        }
        guard members.count <= tensorsLimit else { throw malformed(path, "it names too many tensors") }
        var tensors: [String: Tensor] = [:]
        for (name, value) in members where name != "__metadata__" {
            guard let object = value.object,
                let shape = object["shape"]?.array.map({ $0.compactMap { $0.integer.map(Int.init) } }),
                shape.count == object["shape"]?.array?.count, shape.count <= 8,
                let offsets = object["data_offsets"]?.array?.compactMap({ $0.integer.map(Int.init) }),
                offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= size - dataStart
            else { throw malformed(path, "the place of \(name) makes no sense") }
            // Numbers of kinds that are not needed, such as positions, may stand there.
            guard let element = object["dtype"]?.string.flatMap(Element.init) else { continue }
            var count = element.size
            for length in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: length)
                guard length >= 0, !overflow else { throw malformed(path, "the shape of \(name)") }
                count = product
            }
            guard count == offsets[1] - offsets[0] else {
                throw malformed(path, "\(name) has another size than its shape")
            }
            tensors[name] = Tensor(element: element, shape: shape, start: dataStart + offsets[0])
        }
        return tensors
    }

    func has(_ name: String) -> Bool { tensors[name] != nil }

    /// The numbers of a tensor, row by row.
    ///
    /// - Throws: `EmbeddingError` when there is none of this name and shape.
    package func numbers(_ name: String, _ shape: [Int]) throws -> [Float] {
        let tensor = try find(name, shape)
        return try read(tensor, from: 0, count: shape.reduce(1, *))
    }

    /// One row of a tensor of two dimensions: what is too large to be kept whole is read so.
    func row(_ row: Int, of name: String, _ shape: [Int]) throws -> [Float] {
        let tensor = try find(name, shape)
        guard (0..<shape[0]).contains(row) else { throw Self.malformed(path, "\(name) has no row \(row)") }
        return try read(tensor, from: row * shape[1], count: shape[1])
    }

    private func find(_ name: String, _ shape: [Int]) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw EmbeddingError(
                .missing, "\(path) has no tensor \(name)",
                hint: "only models of the BERT family are understood")
        }
        guard tensor.shape == shape else {
            throw EmbeddingError(
                .missing, "\(path): \(name) has the shape \(tensor.shape), and config.json says \(shape)",
                hint: "the files of the folder belong to different models")
        }
        return tensor
    }

    private func read(_ tensor: Tensor, from first: Int, count: Int) throws -> [Float] {
        var numbers: [Float] = []
        numbers.reserveCapacity(count)
        let partNumbers = Self.partBytes / tensor.element.size
        for start in stride(from: 0, to: count, by: partNumbers) {
            let part = min(partNumbers, count - start)
            let bytes = try handle.file.read(
                count: part * tensor.element.size,
                at: Int64(tensor.start + (first + start) * tensor.element.size))
            guard bytes.count == part * tensor.element.size else {
                throw Self.malformed(path, "it became shorter while it was read")
            }
            bytes.withUnsafeBytes { bytes in
                switch tensor.element {
                case .float32: numbers += StoredBytes.array(of: Float(0), from: bytes)
                case .float16: numbers += StoredBytes.array(of: UInt16(0), from: bytes).map(HalfFloat.value)
                case .bfloat16:
                    numbers += StoredBytes.array(of: UInt16(0), from: bytes)
                        .map { Float(bitPattern: UInt32($0) << 16) }
                }
            }
        }
        return numbers
    }
}
