; Register: lifting
; unsat means proved
(set-logic ALL)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(declare-fun |a.seen| (Int Int) Bool)
(declare-fun |b.seen| (Int Int) Bool)
(declare-fun |a.present| (Int Int) Bool)
(declare-fun |b.present| (Int Int) Bool)
(define-fun t!1 () Bool (|a.present| |x0.replica| |x0.number|))
(define-fun t!2 () Bool (|b.present| |x0.replica| |x0.number|))
(assert (not (or (not (and (not (and (|a.seen| |x0.replica| |x0.number|) (|b.seen| |x0.replica| |x0.number|) (or (not t!1) (not t!2)))) (ite t!1 t!1 t!2))) t!1 t!2)))
(check-sat)
