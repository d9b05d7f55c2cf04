import ModelHub
import Testing

@Suite("ModelName")
struct ModelNameTests {
  @Test(
    "is what huggingface_hub accepts",
    arguments: [
      "gpt2", "sberbank-ai/rugpt3medium_based_on_gpt2", "A.B/c_d-e", "1/2", "_a/b", "a/b.GIT",
      String(repeating: "a", count: 96),
    ])
  func accepted(_ text: String) {
    #expect(ModelName(text)?.repository == text)
    #expect(ModelName(text)?.revision == "main")
  }

  @Test(
    "is nothing else",
    arguments: [
      "a--b/c", "a..b", ".a/b", "a/b.", "-a/b", "a/b-", "a/b/c", "a/b.git",
      String(repeating: "a", count: 97), "", "a/", "/b", "a b", "модель", "@", "./a", "../a", "~/a",
      "a/b@", "a/b@..", "a/b@../../x", "a/b@/x", "a/b@x y", "a/b@x\\y", "a/b@x\n",
    ])
  func refused(_ text: String) {
    #expect(ModelName(text) == nil)
  }

  @Test(
    "may have a revision",
    arguments: ["v1.0", "refs/pr/1", "0123456789012345678901234567890123456789", "a@b", "ветка"])
  func revisions(_ revision: String) {
    #expect(ModelName("a/b@\(revision)")?.revision == revision)
    #expect(ModelName("a/b@\(revision)")?.description == "a/b@\(revision)")
  }
}
