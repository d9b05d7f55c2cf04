import PostFormat
import TextCleaning
import Testing

@Suite("adverts")
struct AdvertsTests {
  private func link(_ offset: Int, _ length: Int, _ url: String? = nil) -> Post.Entity {
    Post.Entity(type: url == nil ? "link" : "text_link", offset: offset, length: length, url: url)
  }

  @Test(
    "drops posts that call to follow an address or a name",
    arguments: [
      "ПОДПИСЫВАЙСЯ на наш канал @super_reklama\nЖми сюда", "Смешно?\nПодпишись: t.me/shutki",
      "ЗАХОДИ К НАМ\nhttps://example.org", "Промокод КОТ\n@cat_shop", "Erid: 2Vf, www.example.ru",
    ])
  func drops(_ text: String) {
    #expect(run(AdvertRule(), text) == .dropped)
  }

  @Test("drops posts whose call is a link that does not show")
  func textLink() {
    let advert = link(0, 9, "https://t.me/+abcdef")
    #expect(run(AdvertRule(), "Жми сюда!", [advert]) == .dropped)
    #expect(run(AdvertRule(), "Жми сюда!") == .unchanged("Жми сюда!"))
    #expect(run(AdvertRule(), "vk.com/a жми сюда", [link(0, 8)]) == .dropped)
  }

  @Test(
    "keeps posts that lack the call or what it calls to",
    arguments: [
      "", "ПОДПИСЫВАЙСЯ\n@\nНЕ ПОДПИСЫВАЙСЯ\n@\nКОТУ ВСЁ РАВНО", "ПОДПИШИСЬ НА КАНАЛ РЕКИ",
      "КОГДА А\nhttps://vk.com/bugurt_thread", "КОГДА А\n@bugurt_thread", "ПЕРЕПОДПИСКА НА @ivanov",
      "ПИШИТЕ НА a@example.org И ПОДПИШИТЕСЬ",
    ])
  func keeps(_ text: String) {
    #expect(run(AdvertRule(), text) == .unchanged(text))
  }

  @Test("takes only the lines with a call out of a bugurt, which has separators")
  func bugurt() {
    #expect(
      run(AdvertRule(), "КОГДА А\n@\nБ\nПодписывайся: t.me/shutki") == .changed("КОГДА А\n@\nБ"))
  }

  @Test("does not take the channel's own names and addresses for targets")
  func own() {
    let rule = AdvertRule("own=Bugurt_Thread | vk.com/bugurt")
    for text in ["ПОДПИШИСЬ НА @bugurt_thread", "ПОДПИШИСЬ: https://VK.com/bugurt"] {
      #expect(run(rule, text) == .unchanged(text))
      #expect(run(rule, text + " и @others") == .dropped)
    }
  }

  @Test("drops posts with an invitation, or any link to Telegram, if asked to")
  func links() {
    let invitation = [link(0, 6, "https://t.me/+abcdef")]
    let channel = [link(0, 6, "https://t.me/shutki")]
    let web = [link(0, 6, "https://example.org")]
    #expect(run(AdvertRule("links=none"), "СМОТРИ", invitation) == .unchanged("СМОТРИ"))
    #expect(run(AdvertRule("links=invitations"), "СМОТРИ", invitation) == .dropped)
    #expect(run(AdvertRule("links=invitations"), "СМОТРИ", channel) == .unchanged("СМОТРИ"))
    #expect(run(AdvertRule("links=telegram"), "СМОТРИ", channel) == .dropped)
    #expect(run(AdvertRule("links=telegram"), "СМОТРИ", web) == .unchanged("СМОТРИ"))
    #expect(run(AdvertRule("links=telegram"), "СМОТРИ t.me/shutki") == .dropped)
    #expect(
      run(AdvertRule("links=telegram", "own=t.me/shutki"), "СМОТРИ", channel)
        == .unchanged("СМОТРИ"))
  }

  @Test("takes phrases of the user's, in any writing system")
  func phrases() {
    let rule = AdvertRule("phrases=click here | 点击这里 | Ёлка")
    for text in ["CLICK HERE @example", "点击这里 @example", "ёлка, @example"] {
      #expect(run(rule, text) == .dropped)
    }
    #expect(run(rule, "ПОДПИШИСЬ @example") == .unchanged("ПОДПИШИСЬ @example"))
  }
}
