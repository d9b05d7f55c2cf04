import PostFormat
import TextCleaning
import Testing

@Suite("rules on what a post is")
struct FactRuleTests {
  private func outcome(_ rule: some CleaningRule, _ post: Post) -> RuleOutcome {
    var rule = rule
    var draft = Draft(post)
    return rule.apply(to: &draft)
  }

  @Test("forwards drops what was forwarded, from a source without a name, too")
  func forwards() {
    var forward = post("А")
    #expect(outcome(ForwardRule(), forward) == .unchanged)
    for source in ["Соседний канал", ""] {
      forward.forwardedFrom = source
      #expect(outcome(ForwardRule(), forward) == .dropped)
    }
  }

  @Test("replies drops answers, and is off unless asked for")
  func replies() throws {
    var reply = post("А")
    #expect(outcome(ReplyRule(), reply) == .unchanged)
    reply.replyTo = 1
    #expect(outcome(ReplyRule(), reply) == .dropped)
    #expect(try Cleaning([reply]).texts == ["А"])
    #expect(
      try Cleaning([post("Б"), reply].map(renumbered), houseRules("replies=on")).texts == ["Б"])
  }

  private func renumbered(_ post: Post) -> Post {
    var post = post
    post.id = post.replyTo == nil ? 1 : 2
    return post
  }

  @Test("polls drops polls, unless something is said above them")
  func polls() {
    var poll = post(" \n")
    #expect(outcome(PollRule(), poll) == .unchanged)
    poll.media = "poll"
    #expect(outcome(PollRule(), poll) == .dropped)
    poll.text = "КОГДА А"
    #expect(outcome(PollRule(), poll) == .unchanged)
    poll.media = "photo"
    #expect(outcome(PollRule(), poll) == .unchanged)
  }
}
