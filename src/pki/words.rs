/// 256 short words, one for each value of a byte, in alphabetical order. The first three letters tell them apart, and
/// none sounds like another. The list never changes: people compare words that they wrote down years ago.
pub(super) const WORDS: [&str; 256] = [
    "acid", "album", "amber", "anchor", "apple", "arrow", "atlas", "autumn", "badge", "bagel", "bamboo", "banjo",
    "basin", "beach", "belt", "bench", "bike", "bishop", "blanket", "bottle", "brick", "bubble", "bucket", "butter",
    "cabin", "cactus", "camera", "candle", "carpet", "castle", "cedar", "cherry", "circle", "clever", "clover",
    "cobra", "coffee", "comet", "copper", "coral", "cotton", "cowboy", "cradle", "cricket", "crystal", "cup",
    "curtain", "cycle", "daisy", "dancer", "dawn", "desert", "diamond", "dinner", "doctor", "dolphin", "donkey",
    "dragon", "drum", "dusty", "eagle", "early", "echo", "eclipse", "elbow", "elder", "elephant", "empty", "engine",
    "envelope", "equal", "escape", "estate", "evening", "expert", "fabric", "falcon", "family", "feather", "fiddle",
    "finger", "fish", "flag", "flute", "focus", "forest", "fossil", "fox", "friday", "frozen", "funny", "galaxy",
    "garden", "gentle", "giant", "ginger", "glass", "globe", "goblin", "golden", "gorilla", "grape", "grocer",
    "guitar", "gypsum", "habit", "hammer", "harbor", "hazel", "heaven", "helmet", "hidden", "hobby", "honey", "hotel",
    "hunter", "ice", "igloo", "ink", "insect", "iron", "island", "ivory", "jacket", "jaguar", "jelly", "jigsaw",
    "jockey", "jungle", "jury", "kettle", "kidney", "kitten", "koala", "label", "ladder", "lagoon", "lamp", "lantern",
    "laser", "lemon", "lentil", "lily", "limit", "lion", "lizard", "lobster", "locker", "lucky", "lunch", "magnet",
    "maple", "marble", "mason", "meadow", "melon", "mentor", "metal", "midnight", "milk", "mirror", "model", "monkey",
    "moss", "motor", "mountain", "muffin", "museum", "napkin", "nature", "needle", "nephew", "nickel", "noble",
    "north", "novel", "number", "nurse", "oasis", "ocean", "office", "olive", "onion", "orange", "orbit", "otter",
    "oven", "owl", "oxygen", "oyster", "paddle", "palace", "panda", "paper", "parrot", "pearl", "pelican", "pepper",
    "pickle", "pilot", "planet", "pocket", "poem", "police", "pony", "potato", "prison", "puzzle", "pyramid",
    "quarter", "quick", "quote", "rabbit", "radio", "rain", "raven", "reason", "ribbon", "rifle", "river", "robin",
    "rocket", "ruby", "rugby", "saddle", "salad", "school", "scissors", "season", "shadow", "silver", "sketch",
    "sleepy", "smile", "snow", "sofa", "spider", "stone", "sugar", "summer", "tailor", "tango", "teapot", "tennis",
    "thunder", "tiger", "timber", "tomato", "topaz", "tractor", "tunnel", "turtle", "umbrella", "uncle", "valley",
    "velvet",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn three_letters_tell_them_apart() {
        let starts: BTreeSet<&str> = WORDS.iter().filter_map(|word| word.get(..3)).collect();
        assert_eq!(starts.len(), WORDS.len());
        assert!(WORDS.is_sorted());
        assert!(WORDS.iter().all(|word| word.len() <= 8 && word.bytes().all(|b| b.is_ascii_lowercase())));
    }
}
