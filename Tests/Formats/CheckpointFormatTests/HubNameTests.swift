import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("The name of a model on the Hub")
struct HubNameTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// The name of a model with this configuration and card.
  private func name(
    configuration: String = "{}", card: String? = nil, in place: String = "model"
  ) throws -> String? {
    try folder.write(configuration, to: "\(place)/config.json")
    if let card { try folder.write(card, to: "\(place)/README.md") }
    return ModelFolder.hubName(of: folder.path(place))
  }

  @Test(
    "a folder in the cache of huggingface_hub names its model, whatever its files say",
    arguments: [
      ("models--ai-forever--rugpt3small_based_on_gpt2", "ai-forever/rugpt3small_based_on_gpt2"),
      ("models--gpt2", "gpt2"),
    ])
  func cache(_ repository: String, _ name: String) throws {
    let place = "hub/\(repository)/snapshots/0123abc"
    #expect(try self.name(configuration: #"{"_name_or_path": "a/b"}"#, in: place) == name)
    #expect(ModelFolder.hubName(of: folder.path(place) + "/") == name)
    #expect(try self.name(in: "hub/\(repository)/other/0123abc") == nil)
  }

  @Test(
    "transformers notes the name that a model was loaded by",
    arguments: ["sberbank-ai/rugpt3medium_based_on_gpt2", "o/n", "A_b/c-d.e", "gpt2-xl"])
  func noted(_ name: String) throws {
    #expect(try self.name(configuration: #"{"_name_or_path": "\#(name)"}"#) == name)
  }

  @Test(
    "what is a path, or cannot be a name, is not one",
    arguments: [
      "", "/", "a", "/home/anna/models", "./model", "../model", "~/model", "models/a/b", "a/", "/b",
      #"C:\\models\\gpt2"#, "a b/c", "a/b\\nc", "-a/b", "a/b.", "a--b/c", "a/b..c", "кот/дом",
    ])
  func noNames(_ text: String) throws {
    #expect(try name(configuration: #"{"_name_or_path": "\#(text)"}"#) == nil)
  }

  @Test("what names an existing folder is a path")
  func existingFolder() throws {
    // From the working directory of the tests, the package's.
    #expect(Folder.exists("Sources/Model"))
    #expect(try name(configuration: #"{"_name_or_path": "Sources/Model"}"#) == nil)
  }

  @Test("otherwise the base model is that of the model's card")
  func card() throws {
    let card = "---\nlicense: mit\nbase_model: \"ai-forever/rugpt3small_based_on_gpt2\"\n---\n"
    #expect(try name(card: card) == "ai-forever/rugpt3small_based_on_gpt2")
    #expect(try name(configuration: #"{"_name_or_path": "a/b"}"#, card: card) == "a/b")
    #expect(
      try name(configuration: #"{"_name_or_path": "/tmp/x"}"#, card: card)
        == "ai-forever/rugpt3small_based_on_gpt2")
    #expect(try name(card: "---\nbase_model:\n- a/b\n- c/d\n---\n") == "a/b")
    #expect(try name(card: "# No front matter\nbase_model: a/b\n") == nil)
    #expect(try name(card: "---\nlicense: mit\n---\nbase_model: a/b\n") == nil)
  }

  @Test(
    "the front matter of a card is read as YAML",
    arguments: [
      ("---\nlicense: mit # as the base\n---\n", "mit"), ("---\nlicense : mit\n---\n", "mit"),
      ("---\nlicense: NVIDIA Open Model License\n---\n", "NVIDIA Open Model License"),
      ("---\nlicense: [mit, other]\n---\n", "mit"), ("---\nlicense: ['mit']\n---\n", "mit"),
      ("--- \nlicense: \"a # b\"\n---\n", "a # b"),
      ("\u{FEFF}---\r\nlicense: mit\r\n---\r\n", "mit"),
      ("\n---\nlicense:\n# several\n\n  - mit\n---\n", "mit"), ("---\nlicense: a#b\n---\n", "a#b"),
      ("---\nother:\n  license: mit\n---\n", nil), ("---\nlicense: |\n  mit\n---\n", nil),
      ("---\nlicense:\nother: mit\n---\n", nil), ("---\nlicense: 'mit\n---\n", nil), ("", nil),
    ] as [(String, String?)])
  func frontMatter(_ card: String, _ license: String?) throws {
    try folder.write(card, to: "README.md")
    #expect(ModelFolder.cardValue("license", in: folder.path) == license)
  }

  @Test("a folder without a name has none")
  func nothing() throws {
    #expect(try name() == nil)
    #expect(try name(configuration: "broken") == nil)
    #expect(ModelFolder.hubName(of: folder.path("missing")) == nil)
  }
}
