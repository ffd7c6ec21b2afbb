(** Norms from nonnegative matrices: a symmetric form by blocks (Collatz, Wielandt) and a gather
    (Schur's test),

        |R_lm(x, y)| <= N_lm |x| |y|, N v <= c v, v > 0   imply   |R(U)| <= c |U|^2,
        rows of |A| sum to at most tau, columns to nu     imply   |A x|^2 <= tau nu |x|^2.

    Relied on by `residual_part_norm` (src/shadow/residual_part.cpp) and `gathered_row_norms`
    (src/shadow/step_lipschitz.cpp). *)

From Coq Require Import Reals Lra Lia.
From Coquelicot Require Import Coquelicot.
From NumGeom Require Import Sums MeanValue InnerProduct Euclidean.
Local Open Scope R_scope.

(** sum_lm N_lm a_l a_m <= c sum_l a_l^2 for a symmetric N >= 0 with N v <= c v. *)
Theorem collatz_wielandt (L : nat) (N : nat -> nat -> R) (v a : nat -> R) (c : R) :
  (forall l m, (l < L)%nat -> (m < L)%nat -> 0 <= N l m /\ N l m = N m l) ->
  (forall l, (l < L)%nat -> 0 < v l) ->
  (forall l, (l < L)%nat -> sum_below (fun m => N l m * v m) L <= c * v l) ->
  sum_below (fun l => sum_below (fun m => N l m * (a l * a m)) L) L <=
  c * sum_below (fun l => a l * a l) L.
Proof.
  intros HN Hv Hc.
  set (half := fun l m => / 2 * (N l m * v m * (a l * a l * / v l))).
  apply Rle_trans with (sum_below (fun l => sum_below (fun m => half l m + half m l) L) L).
  - apply sum_below_le. intros l Hl. apply sum_below_le. intros m Hm.
    destruct (HN l m Hl Hm) as [Hpos Hsym].
    pose proof (Hv l Hl) as Hvl. pose proof (Hv m Hm) as Hvm.
    unfold half. rewrite <- Hsym.
    assert (Hag : a l * a m <=
                  / 2 * (v m * (a l * a l * / v l)) + / 2 * (v l * (a m * a m * / v m))).
    { apply Rmult_le_reg_l with (2 * (v l * v m)); [nra|].
      replace (2 * (v l * v m) *
               (/ 2 * (v m * (a l * a l * / v l)) + / 2 * (v l * (a m * a m * / v m))))
        with ((v m * a l) * (v m * a l) + (v l * a m) * (v l * a m)) by (field; lra).
      pose proof (Rle_0_sqr (v m * a l - v l * a m)) as Hs. unfold Rsqr in Hs. lra. }
    apply Rmult_le_compat_l with (r := N l m) in Hag; [|exact Hpos]. lra.
  - rewrite (sum_below_ext _ (fun l => sum_below (half l) L + sum_below (fun m => half m l) L))
      by (intros; apply sum_below_plus).
    rewrite sum_below_plus, (sum_below_swap (fun l m => half m l)).
    apply Rle_trans with (2 * sum_below (fun l => / 2 * (c * (a l * a l))) L).
    + enough (sum_below (fun l => sum_below (half l) L) L <=
              sum_below (fun l => / 2 * (c * (a l * a l))) L) by
        (change (fun j => sum_below (fun i => half j i) L) with (fun l => sum_below (half l) L);
          lra).
      apply sum_below_le. intros l Hl. unfold half.
      rewrite sum_below_scal, sum_below_scal_r.
      pose proof (Hv l Hl) as Hvl.
      apply Rmult_le_compat_l; [lra|].
      apply Rle_trans with (c * v l * (a l * a l * / v l)).
      * apply Rmult_le_compat_r; [|now apply Hc].
        apply Rmult_le_pos; [apply Rle_0_sqr | left; now apply Rinv_0_lt_compat].
      * right. field. lra.
    + right. rewrite !sum_below_scal. field.
Qed.

(** A form that couples L blocks of parameters, U_l the part of layer l. *)
Theorem block_form_bound (E : nat -> ModuleSpace R_Ring) (b : forall l, E l -> E l -> R) (L : nat)
    (block : forall l m, E l -> E m -> R) (N : nat -> nat -> R) (v : nat -> R) (c : R)
    (U : forall l, E l) :
  (forall l, positive_form (b l)) ->
  (forall l m x y, (l < L)%nat -> (m < L)%nat ->
     Rabs (block l m x y) <= N l m * (length (b l) x * length (b m) y)) ->
  (forall l m, (l < L)%nat -> (m < L)%nat -> 0 <= N l m /\ N l m = N m l) ->
  (forall l, (l < L)%nat -> 0 < v l) ->
  (forall l, (l < L)%nat -> sum_below (fun m => N l m * v m) L <= c * v l) ->
  Rabs (sum_below (fun l => sum_below (fun m => block l m (U l) (U m)) L) L) <=
  c * sum_below (fun l => b l (U l) (U l)) L.
Proof.
  intros Hb Hblock HN Hv Hc.
  eapply Rle_trans; [apply sum_below_abs|].
  apply Rle_trans with
    (sum_below (fun l =>
       sum_below (fun m => N l m * (length (b l) (U l) * length (b m) (U m))) L) L).
  - apply sum_below_le. intros l Hl. eapply Rle_trans; [apply sum_below_abs|].
    apply sum_below_le. intros m Hm. now apply Hblock.
  - eapply Rle_trans; [now apply (collatz_wielandt L N v (fun l => length (b l) (U l)) c)|].
    right. f_equal. apply sum_below_ext. intros l _. apply (length_square (b l) (Hb l)).
Qed.

(** Schur's test. *)
Theorem schur_test (m n : nat) (A : nat -> nat -> R) (x : nat -> R) (tau nu : R) :
  0 <= tau ->
  (forall i, (i < m)%nat -> sum_below (fun j => Rabs (A i j)) n <= tau) ->
  (forall j, (j < n)%nat -> sum_below (fun i => Rabs (A i j)) m <= nu) ->
  let y := fun i => sum_below (fun j => A i j * x j) n in
  sum_below (fun i => y i * y i) m <= tau * nu * sum_below (fun j => x j * x j) n.
Proof.
  intros Htau Hrow Hcol y.
  assert (Hone : forall i, (i < m)%nat ->
    y i * y i <= tau * sum_below (fun j => Rabs (A i j) * (x j * x j)) n).
  { intros i Hi.
    set (s := fun j => sqrt (Rabs (A i j))).
    assert (Hs : forall j, s j * s j = Rabs (A i j)) by (intros j; apply sqrt_sqrt, Rabs_pos).
    pose proof (cauchy_schwarz (euclidean n) (euclidean_positive n) s
                  (fun j => s j * Rabs (x j))) as HCS.
    unfold euclidean in HCS.
    rewrite (sum_below_ext (fun k => s k * s k) (fun j => Rabs (A i j))) in HCS
      by (intros; apply Hs).
    rewrite (sum_below_ext (fun k => s k * (s k * Rabs (x k))) (fun j => Rabs (A i j * x j))) in HCS
      by (intros; rewrite <- Rmult_assoc, Hs, Rabs_mult; reflexivity).
    rewrite (sum_below_ext (fun k => s k * Rabs (x k) * (s k * Rabs (x k)))
               (fun j => Rabs (A i j) * (x j * x j))) in HCS.
    2: { intros j _. replace (s j * Rabs (x j) * (s j * Rabs (x j)))
           with (s j * s j * (Rabs (x j) * Rabs (x j)))
           by ring.
         rewrite Hs, <- (Rabs_mult (x j)), (Rabs_pos_eq (x j * x j)) by apply Rle_0_sqr.
         reflexivity. }
    assert (Hy : Rabs (y i) <= sum_below (fun j => Rabs (A i j * x j)) n) by apply sum_below_abs.
    pose proof (Rabs_pos (y i)).
    replace (y i * y i) with (Rabs (y i) * Rabs (y i))
      by (rewrite <- Rabs_mult; apply Rabs_pos_eq, Rle_0_sqr).
    assert (Hw : 0 <= sum_below (fun j => Rabs (A i j) * (x j * x j)) n).
    { apply sum_below_nonneg. intros j _. apply Rmult_le_pos; [apply Rabs_pos | apply Rle_0_sqr]. }
    eapply Rle_trans; [apply Rmult_le_compat; [| | exact Hy | exact Hy]; assumption|].
    eapply Rle_trans; [exact HCS|].
    apply Rmult_le_compat_r; [exact Hw | now apply Hrow]. }
  eapply Rle_trans; [apply sum_below_le; exact Hone|].
  rewrite sum_below_scal, sum_below_swap, Rmult_assoc.
  apply Rmult_le_compat_l; [exact Htau|].
  rewrite <- sum_below_scal. apply sum_below_le. intros j Hj.
  rewrite sum_below_scal_r. apply Rmult_le_compat_r; [apply Rle_0_sqr | now apply Hcol].
Qed.
