import CheckpointFormat
import TensorKernels

/// The embeddings of tokens and of their positions.
struct Embeddings {
  /// Those of tokens, `[vocabulary, channels]`.
  let wte: Rows
  /// Those of positions, `[context, channels]`.
  let wpe: MatrixView

  /// The rows of the token embedding.
  enum Rows {
    case floats(MatrixView)
    case stored(StoredTensor)
  }

  /// The sum of the embeddings of `token`, which must be in the vocabulary, and of its `position`.
  func sum(_ out: Floats, token: Int32, position: Int) {
    let place = wpe.row(position)
    switch wte {
    case .floats(let matrix):
      let row = matrix.row(Int(token))
      for channel in out.indices { out[channel] = row[channel] + place[channel] }
    case .stored(let tensor):
      let range = Int(token) * out.count..<(Int(token) + 1) * out.count
      precondition(token >= 0 && range.upperBound <= tensor.count)
      // Mapping a row may use 2 MB of memory. If it cannot be read now, it can still be mapped.
      if (try? tensor.copy(range, to: out.buffer)) == nil {
        tensor.convert(range, to: out.buffer)
      }
      for channel in out.indices { out[channel] += place[channel] }
    }
  }
}
