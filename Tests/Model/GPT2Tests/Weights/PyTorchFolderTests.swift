import FileSupport
import Foundation
import GPT2
import TensorKernels
import TestSupport
import Testing

/// Folders with weights of torch: see Tests/Interop/References/generate_torch_files.py.
@Suite("Model folder with PyTorch's weights")
struct PyTorchFolderTests {
  private let folder: TemporaryFolder
  private let threadPool = ThreadPool(count: 2)

  init() throws {
    folder = try TemporaryFolder()
    let file = URL(filePath: checkoutPath("Tests/Interop/References/torch_files/gpt2_legacy.bin"))
    try folder.write([UInt8](try Data(contentsOf: file)), to: "pytorch_model.bin")
    try writeConfiguration()
  }

  private func writeConfiguration(vocabularySize: Int = 7, ties: String = "") throws {
    // The keys of 2020: no tie_word_embeddings, no torch_dtype.
    try folder.write(
      """
      {"model_type": "gpt2", "n_ctx": 5, "n_embd": 4, "n_head": 2, "n_layer": 2, \
      "n_positions": 5, \(ties)"vocab_size": \(vocabularySize)}
      """, to: "config.json")
  }

  private func load() throws -> GPT2Model {
    try GPT2Model(folder: folder.path, threadPool: threadPool)
  }

  @Test("reads a file like rugpt3medium's: masks of bytes, a second copy of the head")
  func rugpt3() throws {
    let model = try load()
    #expect(model.configuration.tiesWordEmbeddings)
    #expect(model.notes == [])
    #expect(model.layout.parameters.count == 4 + 2 * 12)
    for (seed, parameter) in model.layout.parameters.enumerated() {
      let expected = (0..<parameter.range.count).map { Float(($0 + 37 * seed) % 101 - 50) / 64 }
      #expect(Array(model.parameters[parameter.range]) == expected, "\(parameter.name)")
    }
  }

  @Test("the copy of the head is a head of its own where the configuration says so")
  func separateHead() throws {
    try writeConfiguration(ties: #""tie_word_embeddings": false, "#)
    let model = try load()
    let head = try #require(model.layout.parameters.last)
    #expect(head.name == "lm_head.weight")
    #expect(Array(model.parameters[head.range]) == Array(model.parameters[0..<28]))
  }

  @Test("embeddings of another size than the configuration's are refused with the remedy")
  func vocabularySize() throws {
    try writeConfiguration(vocabularySize: 6)
    let error = #expect(throws: InputError.self) { try load() }
    #expect(
      error?.problem
        == "vocab_size is 6, but 'transformer.wte.weight' in \(folder.path("pytorch_model.bin")) has "
        + "7 rows; if the weights are right, set vocab_size to 7")
  }

  @Test("what is written is read again as safetensors, though the PyTorch file is still there")
  func rewritten() throws {
    let model = try load()
    let checksum = model.checksum
    model.parameters.floats[0] += 1
    try model.write(to: folder.path)
    let again = try load()
    #expect(again.checksum == model.checksum)
    #expect(again.checksum != checksum)
  }
}
