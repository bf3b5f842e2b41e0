internal import CBLAS
internal import Glibc

/// OpenBLAS, opened at first use.
struct BLASLibrary: Sendable {
    private static let soname = "libopenblas.so.0"
    private static let package = "libopenblas0-pthread"

    private let sgemm:
        @Sendable @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32,
            UnsafePointer<Float>?, Int32, Float, UnsafeMutablePointer<Float>?, Int32
        ) -> Void

    private static let loaded: Result<BLASLibrary, EmbeddingError> = {
        do throws(EmbeddingError) { return .success(try BLASLibrary()) } catch { return .failure(error) }
    }()

    /// The library's functions.
    ///
    /// - Throws: `missing`, naming the Debian package, when the library or one of its functions is.
    static func load() throws(EmbeddingError) -> BLASLibrary { try loaded.get() }

    /// C: dlopen, dlsym
    private init() throws(EmbeddingError) {
        Self.prepare()
        guard let library = dlopen(Self.soname, RTLD_NOW) else {
            throw EmbeddingError(
                .missing, "\(Self.soname), which computes a local model, can't be opened",
                hint: "install the package \(Self.package) (apt-get install \(Self.package))")
        }
        func symbol<F>(_ name: String) throws(EmbeddingError) -> F {
            guard let address = dlsym(library, name) else {
                throw EmbeddingError(
                    .missing, "\(Self.soname) has no function \(name)",
                    hint: "install Debian's package \(Self.package)")
            }
            return unsafeBitCast(address, to: F.self)
        }
        sgemm = try symbol("cblas_sgemm")
    }

    /// What the library reads while it is opened, and nowhere else. It takes a processor that is younger than
    /// itself for one of twenty years ago, and is then a third as fast or less; and it would start threads,
    /// where whoever computes uses all cores already, each for other texts.
    /// C: setenv, which must not run beside getenv: no model is opened while anything else goes on.
    private static func prepare() {
        if let kernels = cb_kernels() { setenv("OPENBLAS_CORETYPE", kernels, 0) }
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
    }

    /// A part of a matrix that begins at one of its numbers and goes on in every row.
    struct Part {
        let matrix: Matrix
        var offset = 0
    }

    /// c = alpha * a * b, or a * bT when `transposed`: a has m rows of k numbers, c has m rows of n numbers.
    /// C: cblas_sgemm
    func multiply(
        m: Int, n: Int, k: Int, alpha: Float = 1, _ a: Part, _ b: Part, transposed: Bool,
        into c: inout Matrix, at offset: Int = 0
    ) {
        guard m > 0, n > 0, k > 0 else { return }
        let (aStride, bStride, cStride) = (8 * a.matrix.stride, 8 * b.matrix.stride, 8 * c.stride)
        let (aPart, bPart) = (a.offset, b.offset)
        let bRows = transposed ? n : k
        // What C may touch lies inside the arrays, whatever the caller computed.
        precondition(a.offset >= 0 && a.offset + (m - 1) * aStride + k <= 8 * a.matrix.lanes.count)
        precondition(
            b.offset >= 0
                && b.offset + (bRows - 1) * bStride + (transposed ? k : n) <= 8 * b.matrix.lanes.count)
        precondition(offset >= 0 && offset + (m - 1) * cStride + n <= 8 * c.lanes.count)
        a.matrix.lanes.withUnsafeBytes { aBytes in
            b.matrix.lanes.withUnsafeBytes { bBytes in
                c.withNumbers { c in
                    guard let a = aBytes.assumingMemoryBound(to: Float.self).baseAddress,
                        let b = bBytes.assumingMemoryBound(to: Float.self).baseAddress,
                        let c = c.baseAddress
                    else { return }
                    sgemm(
                        Int32(cb_row_major), Int32(cb_no_transpose),
                        Int32(transposed ? cb_transpose : cb_no_transpose), Int32(m), Int32(n), Int32(k),
                        alpha, a + aPart, Int32(aStride), b + bPart, Int32(bStride), 0, c + offset,
                        Int32(cStride))
                }
            }
        }
    }
}
