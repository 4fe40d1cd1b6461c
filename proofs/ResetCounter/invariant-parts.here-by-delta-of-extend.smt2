; ResetCounter: invariant parts.here by delta of extend
; unsat means proved
(set-logic ALL)
(declare-fun |a.number| () Int)
(declare-fun |a.replica| () Int)
(declare-fun |amount| () Real)
(declare-fun |this.parts.value.counted.times| (Int Int) Int)
(declare-fun |this.parts.value.counted.plus| (Int Int) Real)
(declare-fun |this.parts.value.counted.minus| (Int Int) Real)
(declare-fun |d0.number| () Int)
(declare-fun |d0.replica| () Int)
(define-fun t!1 () Bool (and (= |a.replica| |d0.replica|) (= |a.number| |d0.number|)))
(assert (not (or (and (not t!1) (= 0 (ite t!1 (+ (|this.parts.value.counted.times| |a.replica| |a.number|) 1) 0)) (= 0.0 (ite t!1 (+ (|this.parts.value.counted.plus| |a.replica| |a.number|) (ite (< |amount| 0.0) 0.0 |amount|)) 0.0)) (= 0.0 (ite t!1 (+ (|this.parts.value.counted.minus| |a.replica| |a.number|) (ite (< (- 0.0 |amount|) 0.0) 0.0 (- 0.0 |amount|))) 0.0))) t!1)))
(check-sat)
