; ResetCounter: lifting
; unsat means proved
(set-logic ALL)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(declare-fun |a.seen| (Int Int) Bool)
(declare-fun |b.seen| (Int Int) Bool)
(declare-fun |a.parts.here| (Int Int) Bool)
(declare-fun |b.parts.here| (Int Int) Bool)
(define-fun t!1 () Bool (|a.parts.here| |x0.replica| |x0.number|))
(define-fun t!2 () Bool (|b.parts.here| |x0.replica| |x0.number|))
(assert (not (or (not (and (not (and (|a.seen| |x0.replica| |x0.number|) (|b.seen| |x0.replica| |x0.number|) (not (and t!1 t!2)))) (or t!1 t!2))) t!1 t!2)))
(check-sat)
