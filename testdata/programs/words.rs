// words - counts the words on standard input, and evaluates the arithmetic
// of every argument. A small Rust program for the tests: collections,
// traits, generics, recursion, a panic.
use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, Write};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Operator(char),
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    fn new(text: &str) -> Parser {
        let mut tokens = Vec::new();
        let mut number: Option<i64> = None;
        for c in text.chars() {
            if let Some(digit) = c.to_digit(10) {
                number = Some(number.unwrap_or(0) * 10 + digit as i64);
                continue;
            }
            if let Some(n) = number.take() {
                tokens.push(Token::Number(n));
            }
            if !c.is_whitespace() {
                tokens.push(Token::Operator(c));
            }
        }
        if let Some(n) = number {
            tokens.push(Token::Number(n));
        }
        Parser { tokens, position: 0 }
    }

    fn accept(&mut self, operator: char) -> bool {
        let found = self.tokens.get(self.position) == Some(&Token::Operator(operator));
        self.position += found as usize;
        found
    }

    fn factor(&mut self) -> Result<i64, String> {
        if self.accept('(') {
            let value = self.sum()?;
            return if self.accept(')') { Ok(value) } else { Err("missing )".to_string()) };
        }
        match self.tokens.get(self.position).cloned() {
            Some(Token::Number(n)) => {
                self.position += 1;
                Ok(n)
            }
            other => Err(format!("unexpected {:?}", other)),
        }
    }

    fn product(&mut self) -> Result<i64, String> {
        let mut value = self.factor()?;
        loop {
            if self.accept('*') {
                value *= self.factor()?;
            } else if self.accept('/') {
                value /= self.factor()?; // panics on a division by zero
            } else {
                return Ok(value);
            }
        }
    }

    fn sum(&mut self) -> Result<i64, String> {
        let mut value = self.product()?;
        loop {
            if self.accept('+') {
                value += self.product()?;
            } else if self.accept('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }
}

fn count(input: impl BufRead) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in input.lines().flatten() {
        for word in line.split_whitespace() {
            *counts.entry(word.to_lowercase()).or_insert(0) += 1;
        }
    }
    counts
}

fn main() {
    let stdout = io::stdout();
    let mut out = stdout.lock();
    let mut by_count: Vec<(String, usize)> = count(io::stdin().lock()).into_iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    for (word, n) in by_count.iter().take(5) {
        writeln!(out, "{:4} {}", n, word).unwrap();
    }
    for argument in env::args().skip(1) {
        match Parser::new(&argument).sum() {
            Ok(value) => writeln!(out, "{} = {}", argument, value).unwrap(),
            Err(message) => writeln!(out, "{}: {}", argument, message).unwrap(),
        }
    }
}
