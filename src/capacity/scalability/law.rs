//! The law itself: throughput at a load, and the way back.

use crate::error::{Error, Result};

/// The Universal Scalability Law (Gunther 2007): at the load `N`
///
/// ```text
/// X(N) = g N / (1 + a (N - 1) + b N (N - 1))
/// ```
///
/// with `g` the throughput of one unit of load, `a` the contention (the share of work that is done
/// one after the other) and `b` the coherency (the cost of keeping each pair in step). The load is
/// a number of users, threads or processors; throughput is work per unit of time, and response
/// times `R(N) = N / X(N)` are in that unit.
///
/// ```
/// use plimsoll::capacity::scalability::ScalabilityLaw;
/// // capacity.md 2.5: the coefficients of SPEC SDM91, and what halving b makes of them.
/// let law = ScalabilityLaw::new(89.995_233, 0.027_728_476, 1.043_654_8e-4)?;
/// let peak = law.peak().unwrap();
/// assert!((peak.load / 96.519_56 - 1.0).abs() < 1e-6);
/// assert!((peak.throughput / 1883.899 - 1.0).abs() < 1e-6);
/// let better = ScalabilityLaw::new(89.995_233, 0.027_728_476, 5e-5)?;
/// assert!((better.peak().unwrap().load / 139.447 - 1.0).abs() < 1e-5);
/// # Ok::<(), plimsoll::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalabilityLaw {
    throughput_of_one: f64,
    contention: f64,
    coherency: f64,
}

/// Where throughput is highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The load there.
    pub load: f64,
    /// The throughput there.
    pub throughput: f64,
}

/// The loads at which a throughput is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Branches {
    /// On the way up to the peak: the load at which a healthy system does so much. `None` where all
    /// work is done one after the other, and throughput only falls.
    pub rising: Option<f64>,
    /// On the way down behind the peak, where there is one: the same throughput, but overloaded.
    pub falling: Option<f64>,
}

/// How far load may go before a promise is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LoadLimit {
    /// It is broken at any load.
    Never,
    /// It is kept up to this load.
    UpTo(f64),
    /// It is kept at any load: nothing slows down.
    Always,
}

/// What the time for one unit of work comes to at a load, of the time that it takes alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overhead {
    /// The share of an ideal machine: `1 / N`.
    pub ideal: f64,
    /// What contention adds: `a (N - 1) / N`.
    pub contention: f64,
    /// What coherency adds: `b (N - 1)`. With the two others it adds up to the law. Gunther 2008
    /// (equation 26) and the R package usl count half of it.
    pub coherency: f64,
}

impl LoadLimit {
    /// The load, where there is one.
    pub fn load(self) -> Option<f64> {
        match self {
            Self::UpTo(load) => Some(load),
            Self::Never | Self::Always => None,
        }
    }
}

impl ScalabilityLaw {
    /// A law: throughput of one unit of load, contention and coherency.
    ///
    /// # Errors
    ///
    /// Unless all are finite, the throughput positive, the contention a share of 0 to 1 and the
    /// coherency not negative.
    pub fn new(throughput_of_one: f64, contention: f64, coherency: f64) -> Result<Self> {
        if !(throughput_of_one.is_finite() && throughput_of_one > 0.0) {
            let found = format!("the throughput of one unit of load is {throughput_of_one}");
            return Err(Error::invalid(format!("{found}; give a number above 0")));
        }
        if !(0.0..=1.0).contains(&contention) {
            let found = format!("the contention is {contention}");
            return Err(Error::invalid(format!("{found}; give a share of 0 to 1")));
        }
        if !(coherency.is_finite() && coherency >= 0.0) {
            let found = format!("the coherency is {coherency}");
            return Err(Error::invalid(format!("{found}; give a number of 0 or more")));
        }
        Ok(Self { throughput_of_one, contention, coherency })
    }

    /// `g`: the throughput at a load of 1.
    pub fn throughput_of_one(&self) -> f64 {
        self.throughput_of_one
    }

    /// `a`: the share of work that is done one after the other.
    pub fn contention(&self) -> f64 {
        self.contention
    }

    /// `b`: the cost of keeping each pair in step.
    pub fn coherency(&self) -> f64 {
        self.coherency
    }

    /// What if contention and coherency were so many times as large? Halved coherency is
    /// `scaled(1.0, 0.5)`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn scaled(&self, contention_factor: f64, coherency_factor: f64) -> Result<Self> {
        let contention = self.contention * contention_factor;
        Self::new(self.throughput_of_one, contention, self.coherency * coherency_factor)
    }

    /// How much longer a unit of work takes at a load than alone; the law's denominator.
    pub(super) fn stretch(&self, load: f64) -> f64 {
        1.0 + (load - 1.0) * (self.contention + self.coherency * load)
    }

    /// By how much throughput grows with the load, at a load.
    pub(super) fn slope(&self, load: f64) -> f64 {
        let stretch = self.stretch(load);
        let left = 1.0 - self.contention - self.coherency * load * load;
        self.throughput_of_one * left / (stretch * stretch)
    }

    /// The throughput at a load; NaN unless the load is above 0 and the law says anything there
    /// (which below a load of 1 it may not, where coherency is above 1).
    pub fn throughput(&self, load: f64) -> f64 {
        let stretch = self.stretch(load);
        if load > 0.0 && stretch > 0.0 { self.throughput_of_one * load / stretch } else { f64::NAN }
    }

    /// The response time at a load, `N / X(N)` (Little's law); NaN where the
    /// [`throughput`](Self::throughput) is.
    pub fn response(&self, load: f64) -> f64 {
        load / self.throughput(load)
    }

    /// The throughput at a load, of what as many units did if each did as much as one alone.
    pub fn efficiency(&self, load: f64) -> f64 {
        self.throughput(load) / (self.throughput_of_one * load)
    }

    /// What the time for a unit of work is spent on at a load.
    pub fn overhead(&self, load: f64) -> Overhead {
        let others = load - 1.0;
        Overhead {
            ideal: 1.0 / load,
            contention: self.contention * others / load,
            coherency: self.coherency * others,
        }
    }

    /// Where throughput is highest: at `sqrt((1 - a) / b)`. `None` without coherency, where
    /// throughput grows for ever, and where all work is done one after the other, so that it
    /// only falls.
    pub fn peak(&self) -> Option<Peak> {
        let load = ((1.0 - self.contention) / self.coherency).sqrt();
        let throughput = self.throughput(load);
        (load.is_finite() && throughput.is_finite()).then_some(Peak { load, throughput })
    }

    /// Whether throughput falls with the load, from a load on: the peak lies before it, or, where
    /// all work is done one after the other, there never was one.
    pub fn falls_from(&self, load: f64) -> bool {
        self.slope(load) < 0.0
    }

    /// What throughput could come to if there were no coherency: `g / a`. `None` without
    /// contention.
    pub fn limit(&self) -> Option<f64> {
        (self.contention > 0.0).then(|| self.throughput_of_one / self.contention)
    }

    /// The load at which ideal growth would meet the [`limit`](Self::limit): `1 / a`. Adding more
    /// brings little. `None` without contention.
    pub fn optimal_load(&self) -> Option<f64> {
        (self.contention > 0.0).then(|| 1.0 / self.contention)
    }

    /// The loads at which a throughput is reached; `None` where it is not. They are the roots of
    /// `b X N^2 - (g - (a - b) X) N + (1 - a) X`.
    ///
    /// ```
    /// use plimsoll::capacity::scalability::ScalabilityLaw;
    /// let law = ScalabilityLaw::new(995.648_6, 0.026_715_91, 7.690_945e-4)?;
    /// let loads = law.loads_at_throughput(11_048.0).unwrap();
    /// assert!((loads.rising.unwrap() / 19.923_9 - 1.0).abs() < 1e-5);
    /// assert!((law.throughput(loads.falling.unwrap()) / 11_048.0 - 1.0).abs() < 1e-12);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn loads_at_throughput(&self, throughput: f64) -> Option<Branches> {
        if !(throughput.is_finite() && throughput > 0.0) {
            return None;
        }
        let (a, b, x) = (self.contention, self.coherency, throughput);
        let middle = self.throughput_of_one - (a - b) * x;
        let under_root = middle * middle - 4.0 * b * (1.0 - a) * x * x;
        if !(middle > 0.0 && under_root >= 0.0) {
            return None;
        }
        // The form without a difference of near numbers: each root from the larger sum.
        let sum = middle + under_root.sqrt();
        let falling = (b > 0.0).then(|| sum / (2.0 * b * x));
        let rising = Some(2.0 * (1.0 - a) * x / sum).filter(|load| *load > 0.0);
        rising.or(falling).map(|_| Branches { rising, falling })
    }

    /// Up to which load the response time stays at `response` or below: the knee of a promise.
    ///
    /// ```
    /// use plimsoll::capacity::scalability::{LoadLimit, ScalabilityLaw};
    /// // capacity.md 2.5: N(R) / R = X(R).
    /// let law = ScalabilityLaw::new(100.0, 0.03, 0.001)?;
    /// let Some(load) = law.load_at_response(0.03).load() else { panic!() };
    /// assert!((load / 32.831_3 - 1.0).abs() < 1e-6);
    /// assert!((law.throughput(load) / 1_094.376 - 1.0).abs() < 1e-6);
    /// assert_eq!(law.load_at_response(0.009), LoadLimit::Never);
    /// # Ok::<(), plimsoll::Error>(())
    /// ```
    pub fn load_at_response(&self, response: f64) -> LoadLimit {
        self.load_at_stretch(response * self.throughput_of_one)
    }

    /// Up to which load the efficiency stays at `efficiency` or above.
    pub fn load_at_efficiency(&self, efficiency: f64) -> LoadLimit {
        if efficiency > 0.0 { self.load_at_stretch(1.0 / efficiency) } else { LoadLimit::Never }
    }

    /// The larger root of `b N^2 + (a - b) N + (1 - a - stretch)`.
    fn load_at_stretch(&self, stretch: f64) -> LoadLimit {
        let (a, b) = (self.contention, self.coherency);
        if stretch.is_nan() {
            return LoadLimit::Never;
        }
        if a == 0.0 && b == 0.0 {
            return if stretch >= 1.0 { LoadLimit::Always } else { LoadLimit::Never };
        }
        let (rest, middle) = (stretch - 1.0 + a, a - b);
        let root = (middle * middle + 4.0 * b * rest).sqrt();
        let load =
            if middle > 0.0 { 2.0 * rest / (middle + root) } else { (root - middle) / (2.0 * b) };
        if load == f64::INFINITY {
            LoadLimit::Always
        } else if load > 0.0 {
            LoadLimit::UpTo(load)
        } else {
            LoadLimit::Never
        }
    }
}
