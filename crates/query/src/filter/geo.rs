//! Places: `_geoRadius`, `_geoBoundingBox`, `_geoPolygon`, and the words that look like them.

use super::ast::{Filter, Token};
use super::cursor::{Cursor, Span, leading};
use super::problem::{Kind, Parsed, Stop};

/// What is wrong with a place.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum GeoProblem {
    #[error(
        "`{0}` is a reserved keyword and thus can't be used as a filter expression. Use the `_geoRadius(latitude, \
         longitude, distance)` or `_geoBoundingBox([latitude, longitude], [latitude, longitude])` built-in rules to \
         filter on `_geo` coordinates."
    )]
    Reserved(&'static str),
    #[error("The `{0}` filter is an operation and can't be used as a value.")]
    Misused(&'static str),
    #[error(
        "The `_geoRadius` filter must be in the form: `_geoRadius(latitude, longitude, radius, optionalResolution)`."
    )]
    Radius,
    #[error("Was expecting 3 or 4 arguments for `_geoRadius`, but instead found {0}.")]
    RadiusArguments(usize),
    #[error(
        "The `_geoBoundingBox` filter expects two pairs of arguments: `_geoBoundingBox([latitude, longitude], \
         [latitude, longitude])`."
    )]
    BoundingBox,
    #[error(
        "The `_geoPolygon` filter doesn't match the expected format: `_geoPolygon([latitude, longitude], [latitude, \
         longitude])`."
    )]
    Polygon,
    #[error("The `_geoPolygon` filter expects at least 3 points but only {0} were specified")]
    PolygonPoints(usize),
    #[error("Was expecting 2 coordinates but instead found {0}.")]
    Pair(usize),
}

/// Refuses the words of places where a value should stand.
pub(super) fn refuse_as_value(at: Cursor<'_>) -> Result<(), Stop<'_>> {
    let problem = if at.tag("_geoPoint").is_some() {
        GeoProblem::Reserved("_geoPoint")
    } else if at.tag("_geoDistance").is_some() {
        GeoProblem::Reserved("_geoDistance")
    } else if at.word("_geo").is_some() {
        GeoProblem::Reserved("_geo")
    } else if at.word("_geoRadius").is_some() {
        GeoProblem::Misused("_geoRadius")
    } else if at.word("_geoBoundingBox").is_some() {
        GeoProblem::Misused("_geoBoundingBox")
    } else {
        return Ok(());
    };
    Err(Stop::hard(problem, at.to_end()))
}

/// A place, where one of the words stands; what follows the word must then be right.
pub(super) fn geo<'a>(at: Cursor<'a>) -> Option<Parsed<'a, Filter<'a>>> {
    let at = at.blanks();
    if let Some(after) = at.word("_geoRadius") {
        Some(radius(after))
    } else if let Some(after) = at.word("_geoBoundingBox") {
        Some(bounding_box(after))
    } else {
        at.word("_geoPolygon").map(polygon)
    }
}

fn radius<'a>(at: Cursor<'a>) -> Parsed<'a, Filter<'a>> {
    let read =
        open(at, '(').and_then(|at| list(at, number)).and_then(|(at, list)| Ok((open(at, ')')?, list)));
    let (at, arguments) = read.map_err(|stuck| stuck.stop(GeoProblem::Radius))?;
    let filter = match arguments.as_slice() {
        &[latitude, longitude, radius, ref resolution @ ..] if resolution.len() < 2 => Filter::GeoRadius {
            point: [latitude.into(), longitude.into()],
            radius: radius.into(),
            resolution: resolution.first().map(|span| Token::from(*span)),
        },
        other => return Err(Stop::hard(GeoProblem::RadiusArguments(other.len()), at.to_end())),
    };
    Ok((at, filter))
}

fn bounding_box<'a>(at: Cursor<'a>) -> Parsed<'a, Filter<'a>> {
    let read = points(at).and_then(|(at, points)| Ok((open(at, ')')?, points)));
    let (at, points) = read.map_err(|stuck| stuck.stop(GeoProblem::BoundingBox))?;
    if points.len() != 2 {
        return Err(Stop::hard(GeoProblem::BoundingBox, at.to_end()));
    }
    let [top_right, bottom_left] = [pair(at, &points[0])?, pair(at, &points[1])?];
    Ok((at, Filter::GeoBoundingBox { top_right, bottom_left }))
}

fn polygon<'a>(at: Cursor<'a>) -> Parsed<'a, Filter<'a>> {
    let read = points(at).and_then(|(at, points)| {
        let after_comma = at.blanks().tag(",").map_or(at, Cursor::blanks);
        Ok((open(after_comma, ')')?, points))
    });
    let (at, points) = read.map_err(|stuck| stuck.stop(GeoProblem::Polygon))?;
    if points.len() < 3 {
        let last = points.last().and_then(|point| point.last()).copied().unwrap_or(at.to_end());
        return Err(Stop::hard(GeoProblem::PolygonPoints(points.len()), last));
    }
    let points = points.iter().map(|point| pair(at, point)).collect::<Result<_, _>>()?;
    Ok((at, Filter::GeoPolygon { points }))
}

/// Where a place stops being one. Hard ones end lists too.
struct Stuck<'a> {
    at: Cursor<'a>,
    hard: bool,
}

impl<'a> Stuck<'a> {
    fn stop(self, problem: GeoProblem) -> Stop<'a> {
        Stop::hard(Kind::Geo(problem), self.at.to_end())
    }
}

type Read<'a, T> = Result<(Cursor<'a>, T), Stuck<'a>>;

fn soft<T>(at: Cursor<'_>) -> Result<T, Stuck<'_>> {
    Err(Stuck { at, hard: false })
}

fn open(at: Cursor<'_>, bracket: char) -> Result<Cursor<'_>, Stuck<'_>> {
    if at.rest().starts_with(bracket) { Ok(at.skip(1)) } else { soft(at) }
}

fn points<'a>(at: Cursor<'a>) -> Read<'a, Vec<Vec<Span<'a>>>> {
    list(open(at, '(')?, |at| {
        let (at, numbers) = list(open(at.blanks(), '[')?, number)?;
        Ok((open(at, ']')?.blanks(), numbers))
    })
}

fn pair<'a>(at: Cursor<'a>, point: &[Span<'a>]) -> Result<[Token<'a>; 2], Stop<'a>> {
    match point {
        &[latitude, longitude] => Ok([latitude.into(), longitude.into()]),
        other => {
            let first = other.first().copied().unwrap_or(at.to_end());
            Err(Stop::hard(GeoProblem::Pair(other.len()), first))
        }
    }
}

/// One or more, with commas between. A comma after which none stands does not belong to the list.
fn list<'a, T>(at: Cursor<'a>, item: impl Fn(Cursor<'a>) -> Read<'a, T>) -> Read<'a, Vec<T>> {
    let (mut at, first) = item(at)?;
    let mut items = vec![first];
    while let Some(next) = at.tag(",") {
        match item(next) {
            Ok((after, item)) => {
                items.push(item);
                at = after;
            }
            Err(stuck) if stuck.hard => return Err(stuck),
            Err(_) => break,
        }
    }
    Ok((at, items))
}

/// A decimal number and the blanks around it.
fn number<'a>(at: Cursor<'a>) -> Read<'a, Span<'a>> {
    let digits = |at: Cursor<'a>| at.skip(leading(at.rest(), |c| c.is_ascii_digit()));
    let one_of = |at: Cursor<'a>, signs: [&str; 2]| signs.into_iter().find_map(|sign| at.tag(sign));
    let start = at.blanks();
    let unsigned = one_of(start, ["+", "-"]).unwrap_or(start);
    let whole = digits(unsigned);
    let mut end = whole.tag(".").map_or(whole, digits);
    if whole.rest().len() == unsigned.rest().len() {
        // Without digits before the point there are some behind it.
        let Some(point) = unsigned.tag(".") else { return soft(unsigned) };
        if end.rest().len() == point.rest().len() {
            return soft(point);
        }
    }
    if let Some(exponent) = one_of(end, ["e", "E"]) {
        let exponent = one_of(exponent, ["+", "-"]).unwrap_or(exponent);
        end = digits(exponent);
        if end.rest().len() == exponent.rest().len() {
            return Err(Stuck { at: exponent, hard: true });
        }
    }
    Ok((end.blanks(), start.span(start.rest().len() - end.rest().len())))
}
